// What a run is told by its environment: one place, with every default and its reason.
//
// No k6 in here, so that node can run it. A value that cannot be read ends the run at once.

/** The settings in `env`, an object of texts such as k6's `__ENV`. */
export function readSettings(env) {
  const rate = number(env, 'RATE', 500); // k6 on two cores begins to drop at about 1,000
  const seconds = duration(env, 'DURATION', '30s');
  return {
    rate,
    seconds,
    warmUpSeconds: duration(env, 'WARM_UP', '5s'), // connections, caches, k6's own start
    p99Ms: number(env, 'P99_MS', 50), // the tail is mostly k6's own
    users: number(env, 'USERS', 100_000),
    // Enough that people do not run into their caps at once, few enough to make in a second.
    idsKept: Math.min(number(env, 'IDS_KEPT', 20_000), number(env, 'USERS', 100_000)),
    billedShare: fraction(env, 'BILLED_SHARE', 0.3), // so that caps and budgets move
    baseUrl: url(env, 'BASE_URL', 'http://127.0.0.1:8080'),
    adminUrl: url(env, 'ADMIN_URL', 'http://127.0.0.1:9090'),
    adminToken: env.ADMIN_TOKEN ?? '',
    exchange: env.EXCHANGE ?? 'demo',
    summaryFile: env.SUMMARY_JSON ?? '',
    pageFile: env.SUMMARY_HTML ?? '',
    spikeFactor: number(env, 'SPIKE_FACTOR', 5),
    spikeSeconds: duration(env, 'SPIKE_SECONDS', '15s'),
    slopeMibPerMinute: number(env, 'SLOPE_MIB_PER_MIN', 1), // a leak of a gigabyte in 17 hours
    slowClients: number(env, 'SLOW_CLIENTS', 300), // each a connection and a user of k6's
    slowPause: number(env, 'SLOW_PAUSE', 10), // seconds; below the bidder's idle limit
    sets: (env.SETS ?? '').split(',').filter((set) => set !== ''),
    swaps: number(env, 'SWAPS', 5),
    // k6 itself stumbles where cores are few; more than this and the rate was not the one asked.
    droppedMax: Math.floor(rate * seconds * fraction(env, 'DROPPED_SHARE', 0.001)),
  };
}

function number(env, name, fallback) {
  const value = env[name] === undefined ? fallback : Number(env[name]);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${name}: expected a whole number from 1 on, found "${env[name]}"`);
  }
  return value;
}

function fraction(env, name, fallback) {
  const value = env[name] === undefined ? fallback : Number(env[name]);
  if (!(value >= 0 && value <= 1)) {
    throw new Error(`${name}: expected a number from 0 to 1, found "${env[name]}"`);
  }
  return value;
}

/** Whole seconds of a text such as "30s" or "2m". */
function duration(env, name, fallback) {
  const text = env[name] ?? fallback;
  const found = /^([1-9][0-9]*)(s|m)$/.exec(text);
  if (found === null) {
    throw new Error(`${name}: expected a duration such as "30s" or "2m", found "${text}"`);
  }
  return Number(found[1]) * (found[2] === 'm' ? 60 : 1);
}

function url(env, name, fallback) {
  const text = env[name] ?? fallback;
  if (!/^https?:\/\/[^/]+$/.test(text)) {
    throw new Error(`${name}: expected a URL such as "${fallback}", found "${text}"`);
  }
  return text;
}
