// Judging an answer as an exchange would: is it one that can be used?
//
// No k6 in here, so that node can run it.

/**
 * What is wrong with an answer, and the bids in it: `{ faults: [text], bids: [bid] }`.
 * `asked` is a request of `makeRequest`; `text` is the answer's body, or null.
 */
export function judge(asked, status, text) {
  if (status === 204) {
    return { faults: text ? ['a 204 has a body'] : [], bids: [] };
  }
  if (status !== 200) {
    return { faults: [`status ${status}, expected 200 or 204`], bids: [] };
  }
  const answer = parsed(text);
  if (answer === null) {
    return { faults: ['the body is no JSON object'], bids: [] };
  }
  return judgeBody(asked, answer);
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

function judgeBody(asked, answer) {
  const { body, kind, mayBid } = asked;
  const faults = [];
  if (answer.id !== body.id) {
    faults.push(`id ${answer.id}, expected ${body.id}`);
  }
  if (!Array.isArray(answer.seatbid)) {
    return { faults: [...faults, 'seatbid is not a list'], bids: [] };
  }
  const bids = answer.seatbid.flatMap((seat) => seat.bid ?? []);
  if (bids.length === 0) {
    if (!Number.isInteger(answer.nbr)) {
      faults.push('a 200 has neither a bid nor a reason (nbr)');
    }
    return { faults, bids };
  }
  if (!mayBid) {
    faults.push(`a bid where none may come: ${kind}`);
  }
  if (!body.cur.includes(answer.cur)) {
    faults.push(`cur ${answer.cur}, expected one of ${body.cur}`);
  }
  faults.push(...bids.flatMap((bid) => faultsOfBid(body, bid)));
  faults.push(...doubled(bids));
  return { faults, bids };
}

function doubled(bids) {
  const impressions = new Set(bids.map((bid) => bid.impid));
  return impressions.size === bids.length ? [] : ['two bids on one impression'];
}

function faultsOfBid(body, bid) {
  const impression = body.imp.find((one) => one.id === bid.impid);
  if (impression === undefined) {
    return [`impid ${bid.impid} was not offered`];
  }
  const faults = [];
  if (typeof bid.id !== 'string' || bid.id === '') {
    faults.push('a bid has no id');
  }
  if (typeof bid.price !== 'number' || bid.price <= 0 || bid.price < impression.bidfloor) {
    faults.push(`price ${bid.price}, expected at least ${impression.bidfloor}`);
  }
  if (!sizesOf(impression.banner).some(([w, h]) => w === bid.w && h === bid.h)) {
    faults.push(`size ${bid.w}x${bid.h} was not asked for`);
  }
  if (typeof bid.adm !== 'string' || bid.adm === '') {
    faults.push('adm is missing');
  } else if (bid.adm.includes('{{')) {
    faults.push('adm has a placeholder left in it');
  }
  if (!Array.isArray(bid.adomain) || bid.adomain.length === 0 || !bid.crid) {
    faults.push('adomain or crid is missing');
  }
  return faults;
}

function sizesOf(banner) {
  return banner.format ? banner.format.map(({ w, h }) => [w, h]) : [[banner.w, banner.h]];
}

/**
 * The path and query of a bid's billing notice with the price filled in, or null where the
 * exchange knows none. The host is left out: the bid port that is under test answers it too.
 */
export function billingPath(bid, price) {
  if (typeof bid.burl !== 'string') {
    return null;
  }
  const path = bid.burl.replace(/^https?:\/\/[^/]+/, '');
  return path.replace('${AUCTION_PRICE}', price.toFixed(6));
}
