// Slow clients: many connections that ask seldom and stay open, beside the usual load.
//
//   SLOW_CLIENTS=500 k6 run load-tests/slow.js
//
// Each client has a connection of its own and asks once in SLOW_PAUSE seconds, which is within the
// bidder's idle limit: none may be cut, and the usual load must not feel them. k6 writes every
// request whole; clients that dribble bytes are in `cargo test --test server_shell`.

import { sleep } from 'k6';
import { bid, common, figure, phase, settings, setup, summarise, thresholds } from './lib/exchange.js';

export { bid, setup };

export const options = {
  ...common,
  scenarios: {
    warm_up: phase('warm_up', 0, settings.warmUpSeconds),
    steady: phase('steady', settings.warmUpSeconds, settings.seconds),
    slow: {
      executor: 'constant-vus',
      exec: 'slow',
      vus: settings.slowClients,
      duration: `${settings.warmUpSeconds + settings.seconds}s`,
      gracefulStop: `${settings.slowPause}s`,
      tags: { phase: 'slow' },
    },
  },
  thresholds: { ...thresholds, 'bid_requests{phase:slow}': ['count>0'] },
};

/** One request of a client that then leaves its connection open and says nothing. */
export function slow() {
  bid();
  sleep(settings.slowPause * (0.5 + Math.random() / 2));
}

export function handleSummary(data) {
  return summarise('slow', data, {
    slow_requests: figure(data, 'bid_requests{phase:slow}', 'count'),
  });
}
