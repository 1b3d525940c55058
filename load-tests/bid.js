// The load test: an exchange's bid requests at a constant rate, every answer judged.
//
//   k6 run load-tests/bid.js        (settings by environment: lib/settings.js, README.md)
//
// Open model: requests arrive whether or not earlier ones are answered, so that a slow server
// shows as latency and dropped iterations, not as a lower rate. A run in which nothing was bid
// fails: it would have tested nothing.

import { check, fail } from 'k6';
import { SharedArray } from 'k6/data';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { billingPath, judge } from './lib/answers.js';
import { makeRequest } from './lib/requests.js';
import { readSettings } from './lib/settings.js';
import { STEADY, figures, lines } from './lib/summary.js';
import { sampleOfUserIds } from './lib/users.js';

const settings = readSettings(__ENV);
const userIds = new SharedArray('user ids', () =>
  sampleOfUserIds(settings.users, settings.idsKept));

const bidRequests = new Counter('bid_requests');
const bids = new Counter('bids');
const bills = new Counter('bills');

/** Whether this virtual user has told of a faulty answer: the first of each tell enough. */
let faultTold = false;

/** Virtual users of a phase: as many as wait at once when each answer takes 100 ms. */
const USERS_MIN = 20;
const USERS_MAX = 200;

/** A scenario at the run's arrival rate; its name tags every figure. */
function phase(name, startSeconds, seconds) {
  const users = Math.min(USERS_MAX, Math.max(USERS_MIN, Math.ceil(settings.rate / 10)));
  return {
    executor: 'constant-arrival-rate',
    exec: 'bid',
    rate: settings.rate,
    timeUnit: '1s',
    startTime: `${startSeconds}s`,
    duration: `${seconds}s`,
    preAllocatedVUs: users,
    maxVUs: 2 * users,
    gracefulStop: '5s',
    tags: { phase: name },
  };
}

export const options = {
  scenarios: {
    warm_up: phase('warm_up', 0, settings.warmUpSeconds),
    steady: phase('steady', settings.warmUpSeconds, settings.seconds),
  },
  thresholds: {
    [STEADY.latency]: [`p(99)<${settings.p99Ms}`],
    [STEADY.requests]: ['count>0'],
    [STEADY.bids]: ['count>0'],
    [STEADY.dropped]: [`count<=${settings.droppedMax}`],
    http_req_failed: ['rate==0'],
    checks: ['rate==1'],
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  userAgent: 'homing-load-test',
};

/** Refuses to start against a bidder that is not ready: its answers would mean nothing. */
export function setup() {
  const ready = http.get(`${settings.adminUrl}/readyz`);
  if (ready.status !== 200) {
    fail(`the bidder is not ready: ${settings.adminUrl}/readyz answers ${ready.status} `
      + `${ready.body ?? ready.error}`);
  }
  const headers = { Authorization: `Bearer ${settings.adminToken}` };
  const status = http.get(`${settings.adminUrl}/api/v1/status`, { headers });
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

export function handleSummary(data) {
  const found = figures(data.metrics);
  const written = { stdout: `\n${lines(found, settings)}` };
  if (settings.summaryFile !== '') {
    written[settings.summaryFile] = `${JSON.stringify(found)}\n`;
  }
  return written;
}
