// Swaps under load: sets go into service one after the other while bids go on.
//
//   SETS=first,second SWAPS=5 k6 run load-tests/swap.js
//
// SETS are names of sets in the bidder's audience folder; with one, it is loaded anew each time. A
// swap that is refused, a request that fails, or a latency beyond P99_MS fails the run.

import { check } from 'k6';
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { authorized, bid, common, figure, phase, settings, setup, summarise, thresholds }
  from './lib/exchange.js';

export { bid, setup };

/** A set of 100 million users is copied and verified in less. */
const SWAP_TIMEOUT = '120s';

const swapped = new Trend('swap_ms');
const pauseSeconds = Math.max(1, Math.floor(settings.seconds / (settings.swaps + 1)));

export const options = {
  ...common,
  scenarios: {
    warm_up: phase('warm_up', 0, settings.warmUpSeconds),
    steady: phase('steady', settings.warmUpSeconds, settings.seconds),
    swaps: {
      executor: 'constant-arrival-rate',
      exec: 'swap',
      rate: 1,
      timeUnit: `${pauseSeconds}s`,
      startTime: `${settings.warmUpSeconds + 1}s`,
      duration: `${pauseSeconds * settings.swaps}s`,
      preAllocatedVUs: 1,
      maxVUs: 1,
      gracefulStop: SWAP_TIMEOUT,
    },
  },
  thresholds: { ...thresholds, swap_ms: ['max>0'] },
};

/** Puts the next set into service. */
export function swap() {
  if (settings.sets.length === 0) {
    throw new Error('SETS: expected names of sets in the audience folder, such as "first,second"');
  }
  const set = settings.sets[__ITER % settings.sets.length];
  const response = http.post(`${settings.adminUrl}/api/v1/snapshots`,
    JSON.stringify({ set, force: true }),
    { ...authorized, timeout: SWAP_TIMEOUT, tags: { call: 'swap' } });
  const done = check(response, { 'the swap is made': ({ status }) => status === 200 });
  if (done) {
    swapped.add(response.timings.duration);
  } else {
    console.error(`the swap to ${set} answers ${response.status}: ${response.body}`);
  }
}

export function handleSummary(data) {
  return summarise('swap', data, {
    swaps_slowest_ms: figure(data, 'swap_ms', 'max'),
    swaps_median_ms: figure(data, 'swap_ms', 'med'),
  });
}
