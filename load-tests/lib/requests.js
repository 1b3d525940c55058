// Bid requests as an exchange sends them: of all sizes, from all sorts of people and places.
//
// `random` is a function like Math.random, so that a test can repeat what it drew. No k6 in
// here, so that node can run it. A request's prices are all in its one currency, so that an
// answer can be judged without exchange rates.

/** What people are behind the requests, in shares of 100, and whether a bid may come back. */
export const KINDS = [
  { kind: 'known', share: 60, mayBid: true },
  { kind: 'unknown', share: 15, mayBid: true }, // a campaign may prospect
  { kind: 'no_id', share: 10, mayBid: false },
  { kind: 'lmt', share: 5, mayBid: false },
  { kind: 'coppa', share: 4, mayBid: false },
  { kind: 'gdpr', share: 6, mayBid: false }, // GDPR applies and no consent string is there
];

const SIZES = [[300, 250], [300, 250], [728, 90], [320, 50], [160, 600], [300, 600]];
const FLOORS = [0, 0, 0.05, 0.1, 0.3, 0.75, 2.5];
const CURRENCIES = ['USD', 'USD', 'EUR'];
const PLACES = [
  { country: 'DEU', region: 'BE' },
  { country: 'DEU', region: 'HH' },
  { country: 'AUT', region: '9' },
  { country: 'USA', region: 'NY' },
  { country: 'BRA' },
];
const DEVICES = [
  { devicetype: 4, os: 'Android', osv: '16' },
  { devicetype: 4, os: 'iOS', osv: '19.1' },
  { devicetype: 2, os: 'Windows', osv: '11' },
  { devicetype: 5, os: 'Android', osv: '15' },
];
const SITES = ['news.example', 'www.news.example', 'weather.example', 'recipes.example'];
const APPS = ['com.example.game', 'com.example.chess', '1234567890'];
const WORDS = ['sport', 'politics', 'shoes', 'travel', 'recipes', 'weather', 'cars', 'garden'];
const IMPRESSIONS_MAX = 3;
/** Most filler words of one request: bodies come to between half a kilobyte and about ten. */
const FILLER_WORDS_MAX = 1_200;

/**
 * One request: `{ kind, mayBid, body }`, with `body` the object to send.
 * `userIds` are ids that the audience knows.
 */
export function makeRequest(random, userIds) {
  const { kind, mayBid } = drawKind(random);
  const currency = pick(random, CURRENCIES);
  const place = pick(random, PLACES);
  const body = {
    id: `load-${randomHex(random)}`,
    at: random() < 0.7 ? 1 : 2,
    tmax: 100 + below(random, 200),
    cur: [currency],
    imp: impressions(random, currency),
    device: device(random, place),
    user: {},
    regs: { coppa: 0, gdpr: 0 },
    source: { tid: randomHex(random), fd: 1 },
    bcat: ['IAB25', 'IAB26'],
  };
  addInventory(random, body);
  addFiller(random, body);
  addPerson(random, body, { kind, userIds });
  return { kind, mayBid, body };
}

function drawKind(random) {
  let left = below(random, 100);
  return KINDS.find(({ share }) => (left -= share) < 0);
}

function impressions(random, currency) {
  const count = 1 + below(random, IMPRESSIONS_MAX);
  return Array.from({ length: count }, (_, n) => ({
    id: String(n + 1),
    banner: banner(random),
    bidfloor: pick(random, FLOORS),
    bidfloorcur: currency,
    secure: 1,
    tagid: `slot-${below(random, 50)}`,
  }));
}

/** With one size in `w` and `h`, or with up to three in `format`: exchanges do both. */
function banner(random) {
  const [w, h] = pick(random, SIZES);
  if (random() < 0.4) {
    return { w, h, pos: 1 };
  }
  const others = Array.from({ length: below(random, 3) }, () => pick(random, SIZES));
  return { format: [[w, h], ...others].map(([width, height]) => ({ w: width, h: height })) };
}

function device(random, place) {
  return {
    ...pick(random, DEVICES),
    ua: 'Mozilla/5.0 (load test) AppleWebKit/605.1.15 (KHTML, like Gecko)',
    ip: `192.0.2.${below(random, 256)}`,
    language: 'de',
    geo: { ...place, type: 2 },
  };
}

function addInventory(random, body) {
  if (random() < 0.7) {
    const domain = pick(random, SITES);
    const page = `https://${domain}/${pick(random, WORDS)}/${below(random, 10_000)}`;
    body.site = { id: `s${below(random, 99)}`, domain, page, publisher: { id: 'p1' } };
  } else {
    body.app = { id: `a${below(random, 99)}`, bundle: pick(random, APPS), publisher: { id: 'p2' } };
  }
}

/** What a bidder skips: most of a real request's bytes are that. */
function addFiller(random, body) {
  // Squared, so that small requests are the common ones.
  const count = Math.floor(random() ** 2 * FILLER_WORDS_MAX);
  const words = Array.from({ length: count }, () => pick(random, WORDS));
  body.ext = { keywords: words.join(','), schain_note: '"quoted", \\ and ü' };
}

function addPerson(random, body, { kind, userIds }) {
  if (kind === 'no_id') {
    return;
  }
  if (kind === 'unknown') {
    body.user.buyeruid = `stranger-${randomHex(random)}`;
    return;
  }
  body.user.buyeruid = pick(random, userIds);
  if (kind === 'lmt') {
    body.device.lmt = 1;
  } else if (kind === 'coppa') {
    body.regs.coppa = 1;
  } else if (kind === 'gdpr') {
    body.regs.gdpr = 1;
  }
}

function below(random, end) {
  return Math.floor(random() * end);
}

function pick(random, list) {
  return list[below(random, list.length)];
}

function randomHex(random) {
  const half = () => below(random, 2 ** 32).toString(16).padStart(8, '0');
  return half() + half();
}
