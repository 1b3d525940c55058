// A run's result, as a few lines for people and as a small object for programs.
//
// No k6 in here, so that node can run it. Figures are those of the steady phase, except
// failures, checks and bills, which count from the first request on.

/** The names of the sub-metrics that hold the steady phase's figures. */
export const STEADY = {
  latency: 'http_req_duration{call:bid,phase:steady}',
  requests: 'bid_requests{phase:steady}',
  bids: 'bids{phase:steady}',
  dropped: 'dropped_iterations{scenario:steady}',
};

/** The figures in `metrics`, as k6 hands them to `handleSummary`. */
export function figures(metrics) {
  const value = (name, key) => metrics[name]?.values?.[key] ?? 0;
  const latency = (key) => Math.round(value(STEADY.latency, key) * 1_000) / 1_000;
  const failed = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).filter(([, { ok }]) => !ok).map(([rule]) => `${name} ${rule}`));
  return {
    bid_requests: value(STEADY.requests, 'count'),
    bids: value(STEADY.bids, 'count'),
    bills: value('bills', 'count'),
    failed_requests: value('http_req_failed', 'passes'),
    dropped_iterations: value(STEADY.dropped, 'count'),
    checks_held: value('checks', 'passes'),
    checks_failed: value('checks', 'fails'),
    p50_ms: latency('med'),
    p95_ms: latency('p(95)'),
    p99_ms: latency('p(99)'),
    max_ms: latency('max'),
    thresholds_failed: failed,
  };
}

/** The lines for people; `more` are a script's own figures. */
export function lines(found, settings, more = {}) {
  const { rate, seconds, warmUpSeconds, exchange } = settings;
  const broken = found.thresholds_failed;
  return [
    `load test   ${rate}/s for ${seconds} s after ${warmUpSeconds} s of warm-up, exchange ${exchange}`,
    `requests    ${found.bid_requests} bid requests, ${found.bills} bills, ${found.failed_requests} failed`,
    `answers     ${found.bids} bids`,
    `checks      ${found.checks_held} held, ${found.checks_failed} did not`,
    `latency     p50 ${found.p50_ms} ms, p95 ${found.p95_ms} ms, p99 ${found.p99_ms} ms, `
      + `max ${found.max_ms} ms (k6's own time included)`,
    `dropped     ${found.dropped_iterations} iterations that k6 had no time for`,
    ...Object.entries(more).map(([name, value]) => `${name.replaceAll('_', ' ')}  ${value}`),
    broken.length === 0 ? 'thresholds  all hold' : `thresholds  BROKEN: ${broken.join('; ')}`,
    '',
  ].join('\n');
}

/** The figures as a page of its own, to be kept or sent on. */
export function page(title, found) {
  const text = (value) => String(Array.isArray(value) ? value.join('; ') || 'none' : value)
    .replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const rows = Object.entries(found).map(([name, value]) =>
    `<tr><th>${text(name.replaceAll('_', ' '))}<td>${text(value)}`);
  const held = found.thresholds_failed.length === 0;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${text(title)}</title>
<style>body{font:16px/1.5 sans-serif;margin:2em}th{text-align:left;font-weight:400;padding-right:2em}
.held{color:#060}.broken{color:#a00}</style>
<h1>Load test: ${text(title)}</h1>
<p class="${held ? 'held' : 'broken'}">${held ? 'All thresholds held.' : 'A threshold was broken.'}</p>
<table>
${rows.join('\n')}
</table></html>
`;
}
