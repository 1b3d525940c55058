// The load test: an exchange's bid requests at a constant rate, every answer judged.
//
//   k6 run load-tests/bid.js        (settings by environment: lib/settings.js, README.md)
//
// Open model: requests arrive whether or not earlier ones are answered, so that a slow server
// shows as latency and dropped iterations, not as a lower rate. A run in which nothing was bid
// fails: it would have tested nothing.

import { bid, common, phase, settings, setup, summarise, thresholds } from './lib/exchange.js';

export { bid, setup };

export const options = {
  ...common,
  scenarios: {
    warm_up: phase('warm_up', 0, settings.warmUpSeconds),
    steady: phase('steady', settings.warmUpSeconds, settings.seconds),
  },
  thresholds,
};

export function handleSummary(data) {
  return summarise('bid', data);
}
