// A soak: the usual rate for a long time, while memory and open files of the bidder are watched.
//
//   DURATION=10m k6 run load-tests/soak.js
//
// Every SAMPLE_SECONDS the bidder's own metrics are read. The slope of its resident memory, a line
// through all samples of the steady phase, must stay below SLOPE_MIB_PER_MIN; open files must not
// grow by more than the connections that k6 itself may add.

import http from 'k6/http';
import { Gauge } from 'k6/metrics';
import { authorized, bid, common, figure, phase, settings, setup, summarise, thresholds }
  from './lib/exchange.js';
import { numberOf, slopePerMinute } from './lib/samples.js';

export { bid, setup };

/** How often the bidder is looked at. */
const SAMPLE_SECONDS = 10;
/** Connections that k6 may open in the steady phase, each a file of the bidder's. */
const FILES_GROWTH_MAX = 100;
const MIB = 1024 * 1024;

const memory = new Gauge('memory_mib');
const slope = new Gauge('memory_slope_mib_per_min');
const files = new Gauge('files_growth');
/** What the one sampling user has seen. */
const samples = [];

export const options = {
  ...common,
  scenarios: {
    warm_up: phase('warm_up', 0, settings.warmUpSeconds),
    steady: phase('steady', settings.warmUpSeconds, settings.seconds),
    sampling: {
      executor: 'constant-arrival-rate',
      exec: 'sample',
      rate: 1,
      timeUnit: `${SAMPLE_SECONDS}s`,
      startTime: `${settings.warmUpSeconds}s`,
      duration: `${settings.seconds}s`,
      preAllocatedVUs: 1,
      maxVUs: 1,
    },
  },
  thresholds: {
    ...thresholds,
    memory_slope_mib_per_min: [`value<${settings.slopeMibPerMinute}`],
    files_growth: [`value<=${FILES_GROWTH_MAX}`],
  },
};

/** Reads memory and open files once, and says how they have grown since the first time. */
export function sample() {
  const answer = http.get(`${settings.adminUrl}/metrics`, { ...authorized, tags: { call: 'sample' } });
  const seen = {
    at: Date.now() / 1_000,
    memory: numberOf(answer.body, 'process_resident_memory_bytes') / MIB,
    files: numberOf(answer.body, 'process_open_fds'),
  };
  samples.push(seen);
  memory.add(seen.memory);
  slope.add(slopePerMinute(samples.map(({ at, memory: mib }) => [at, mib])));
  files.add(seen.files - samples[0].files);
}

export function handleSummary(data) {
  return summarise('soak', data, {
    memory_mib: figure(data, 'memory_mib', 'value'),
    memory_slope_mib_per_min: figure(data, 'memory_slope_mib_per_min', 'value'),
    files_growth: figure(data, 'files_growth', 'value'),
  });
}
