// What a soak reads of the bidder's metrics, and the page that a run leaves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberOf, slopePerMinute } from '../lib/samples.js';
import { figures, lines, page } from '../lib/summary.js';
import { readSettings } from '../lib/settings.js';

test('a metric is read by its whole name', () => {
  const text = '# HELP process_open_fds x\nprocess_open_fds_max 9\nprocess_open_fds 12\n';
  assert.equal(numberOf(text, 'process_open_fds'), 12);
  assert.throws(() => numberOf(text, 'process_open'), /expected the metric process_open, found none/);
});

test('a slope is the one of the nearest line, a minute', () => {
  assert.equal(slopePerMinute([[0, 5]]), 0);
  assert.equal(slopePerMinute([[0, 100], [10, 101], [20, 102]]), 6);
  assert.equal(slopePerMinute([[0, 7], [30, 9], [60, 7]]), 0);
});

test('the page names what was broken, and is safe to open', () => {
  const metrics = { checks: { values: {}, thresholds: { 'rate==1': { ok: false } } } };
  const broken = page('a <b>', figures(metrics));
  assert.match(broken, /Load test: a &lt;b>/);
  assert.match(broken, /A threshold was broken/);
  assert.match(broken, /checks rate==1/);
  assert.match(page('soak', figures({})), /All thresholds held/);
});

test("a script's own figures are shown", () => {
  const text = lines(figures({}), readSettings({}), { memory_mib: 12.5 });
  assert.match(text, /memory mib {2}12.5/);
});

test('sets and factors are read', () => {
  const set = readSettings({ SETS: 'a,b', SPIKE_FACTOR: '3', SLOW_CLIENTS: '9' });
  assert.deepEqual([set.sets, set.spikeFactor, set.slowClients], [['a', 'b'], 3, 9]);
  assert.deepEqual(readSettings({}).sets, []);
});
