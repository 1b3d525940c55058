// What every scenario of the load test shares: the auction, its judgement, the start, the summary.
//
// For k6 only. `phase` makes a scenario of requests at a constant rate; its name tags every figure.
// The phase named `steady` is the one that is judged and summed up.

import { check, fail } from 'k6';
import { SharedArray } from 'k6/data';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { billingPath, judge } from './answers.js';
import { makeRequest } from './requests.js';
import { readSettings } from './settings.js';
import { STEADY, figures, lines, page } from './summary.js';
import { sampleOfUserIds } from './users.js';

export const settings = readSettings(__ENV);
const userIds = new SharedArray('user ids', () =>
  sampleOfUserIds(settings.users, settings.idsKept));

const bidRequests = new Counter('bid_requests');
const bids = new Counter('bids');
const bills = new Counter('bills');

/** Whether this virtual user has told of a faulty answer: the first of each tell enough. */
let faultTold = false;

/** Virtual users of a phase: as many as wait at once when each answer takes 100 ms. */
const USERS_MIN = 20;
const USERS_MAX = 400;

/** A scenario of `rate` requests a second; its name tags every figure. */
export function phase(name, startSeconds, seconds, rate = settings.rate) {
  const users = Math.min(USERS_MAX, Math.max(USERS_MIN, Math.ceil(rate / 10)));
  return {
    executor: 'constant-arrival-rate',
    exec: 'bid',
    rate,
    timeUnit: '1s',
    startTime: `${startSeconds}s`,
    duration: `${seconds}s`,
    preAllocatedVUs: users,
    maxVUs: 2 * users,
    gracefulStop: '5s',
    tags: { phase: name },
  };
}

/** What must hold in every run. */
export const thresholds = {
  [STEADY.latency]: [`p(99)<${settings.p99Ms}`],
  [STEADY.requests]: ['count>0'],
  [STEADY.bids]: ['count>0'],
  [STEADY.dropped]: [`count<=${settings.droppedMax}`],
  http_req_failed: ['rate==0'],
  checks: ['rate==1'],
};

/** k6 options that are the same for all scripts. */
export const common = {
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  userAgent: 'homing-load-test',
};

/** The admin API's header. */
export const authorized = { headers: { Authorization: `Bearer ${settings.adminToken}` } };

/** Refuses to start against a bidder that is not ready: its answers would mean nothing. */
export function setup() {
  const ready = http.get(`${settings.adminUrl}/readyz`);
  if (ready.status !== 200) {
    fail(`the bidder is not ready: ${settings.adminUrl}/readyz answers ${ready.status} `
      + `${ready.body ?? ready.error}`);
  }
  const status = http.get(`${settings.adminUrl}/api/v1/status`, authorized);
  if (status.status !== 200) {
    fail(`/api/v1/status answers ${status.status}: is ADMIN_TOKEN the bidder's admin token?`);
  }
  const users = status.json('snapshot.users');
  if (!(users > 0)) {
    fail(`the audience in service has ${users} users: load a snapshot first`);
  }
  if (!status.json('exchanges').includes(settings.exchange)) {
    fail(`EXCHANGE=${settings.exchange}: the bidder knows ${status.json('exchanges')}`);
  }
}

/** One auction: a request, the judgement of its answer, and the bill for a share of the bids. */
export function bid() {
  const asked = makeRequest(Math.random, userIds);
  const url = `${settings.baseUrl}/openrtb2/${settings.exchange}`;
  const response = http.post(url, JSON.stringify(asked.body), {
    headers: { 'Content-Type': 'application/json', 'x-openrtb-version': '2.6' },
    tags: { name: 'bid', call: 'bid' },
  });
  const judged = judge(asked, response.status, response.body);
  check(response, {
    'the status is 200 or 204': () => response.status === 200 || response.status === 204,
    'the answer is valid': () => judged.faults.length === 0,
  });
  tell(asked, judged.faults);
  bidRequests.add(1);
  // Zero counts as well: a threshold on a counter without samples would hold.
  bids.add(judged.bids.length);
  bills.add(0);
  judged.bids.forEach(bill);
}

function tell(asked, faults) {
  if (faults.length > 0 && !faultTold) {
    faultTold = true;
    console.error(`${asked.kind} ${asked.body.id}: ${faults.join('; ')}`);
  }
}

/** Bills a share of the bids, at up to the bid: an auction's second price. */
function bill(won) {
  if (Math.random() >= settings.billedShare) {
    return;
  }
  const path = billingPath(won, won.price * (0.5 + Math.random() / 2));
  if (path === null) {
    return;
  }
  const response = http.get(settings.baseUrl + path, { tags: { name: 'bill', call: 'bill' } });
  check(response, { 'the bill is taken': ({ status }) => status === 204 || status === 200 });
  bills.add(1);
}

/**
 * The end of every run: lines for people, and where the settings name files, the figures as JSON and
 * as a page. `more` are figures of the script's own, as `{ name: value }`.
 */
export function summarise(title, data, more = {}) {
  const found = { script: title, ...figures(data.metrics), ...more };
  const written = { stdout: `\n${lines(found, settings, more)}` };
  if (settings.summaryFile !== '') {
    written[settings.summaryFile] = `${JSON.stringify(found)}\n`;
  }
  if (settings.pageFile !== '') {
    written[settings.pageFile] = page(title, found);
  }
  return written;
}

/** One figure of a metric of the script's own; 0 where it has none. */
export function figure(data, metric, key) {
  return Math.round((data.metrics[metric]?.values?.[key] ?? 0) * 100) / 100;
}
