// Reading the bidder's metrics, and how they move.
//
// No k6 in here, so that node can run it.

/** A number of a Prometheus text: of the first line of that name, without labels. */
export function numberOf(text, name) {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  if (line === undefined) {
    throw new Error(`expected the metric ${name}, found none`);
  }
  return Number(line.slice(name.length + 1));
}

/** The slope, a minute, of the line nearest to `points`, pairs of seconds and a value. */
export function slopePerMinute(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const spread = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  const together = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return spread === 0 ? 0 : (60 * together) / spread;
}
