// A spike: as many requests at once as five minutes of quiet, and the time after it.
//
//   k6 run load-tests/spike.js      (settings: README.md; SPIKE_FACTOR, SPIKE_SECONDS)
//
// Open model, in three parts: the usual rate, SPIKE_FACTOR times as much, the usual rate again. During
// the spike requests may be refused work (204 in time), never fail; the time after it is the one
// that is judged: it must be as before within two seconds.

import { bid, common, figure, phase, settings, setup, summarise, thresholds } from './lib/exchange.js';

export { bid, setup };

/** How long the bidder may take to be itself again. */
const RECOVERY_SECONDS = 2;

const usual = settings.warmUpSeconds;
const spikeEnds = usual + settings.spikeSeconds;
const steadyBegins = spikeEnds + RECOVERY_SECONDS;

export const options = {
  ...common,
  scenarios: {
    before: phase('before', 0, usual),
    spike: phase('spike', usual, settings.spikeSeconds, settings.rate * settings.spikeFactor),
    recovery: phase('recovery', spikeEnds, RECOVERY_SECONDS),
    steady: phase('steady', steadyBegins, settings.seconds),
  },
  thresholds: {
    ...thresholds,
    'http_req_duration{call:bid,phase:before}': ['max>=0'],
    'http_req_duration{call:bid,phase:spike}': ['max>=0'],
    'dropped_iterations{scenario:spike}': ['count>=0'],
    'bid_requests{phase:spike}': ['count>0'],
  },
};

export function handleSummary(data) {
  return summarise('spike', data, {
    before_p99_ms: figure(data, 'http_req_duration{call:bid,phase:before}', 'p(99)'),
    spike_p99_ms: figure(data, 'http_req_duration{call:bid,phase:spike}', 'p(99)'),
    spike_requests: figure(data, 'bid_requests{phase:spike}', 'count'),
    spike_dropped_by_k6: figure(data, 'dropped_iterations{scenario:spike}', 'count'),
  });
}
