// Settings that cannot be read end the run; the summary names every broken threshold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../lib/settings.js';
import { STEADY, figures, lines } from '../lib/summary.js';

test('defaults stand, and what is set replaces them', () => {
  const plain = readSettings({});
  assert.deepEqual([plain.rate, plain.seconds, plain.p99Ms, plain.droppedMax], [500, 30, 50, 15]);
  const set = readSettings({ RATE: '10', DURATION: '2m', USERS: '7', BILLED_SHARE: '0' });
  assert.deepEqual([set.rate, set.seconds, set.idsKept, set.billedShare], [10, 120, 7, 0]);
  assert.equal(set.droppedMax, 1);
});

test('what cannot be read is refused by name', () => {
  for (const [name, value] of [
    ['RATE', '0'], ['RATE', 'fast'], ['DURATION', '30'], ['WARM_UP', '0s'], ['USERS', '1.5'],
    ['BILLED_SHARE', '2'], ['BASE_URL', 'localhost'], ['ADMIN_URL', 'http://h/path'],
  ]) {
    assert.throws(() => readSettings({ [name]: value }), new RegExp(`^Error: ${name}: expected`));
  }
});

test('the summary shows drops, failures and broken thresholds', () => {
  const metrics = {
    [STEADY.dropped]: { values: { count: 3 }, thresholds: { 'count<=0': { ok: false } } },
    [STEADY.latency]: { values: { 'p(99)': 12.34567 }, thresholds: { 'p(99)<50': { ok: true } } },
    http_req_failed: { values: { passes: 2 } },
  };
  const found = figures(metrics);
  assert.deepEqual([found.dropped_iterations, found.failed_requests, found.p99_ms], [3, 2, 12.346]);
  assert.deepEqual(found.thresholds_failed, [`${STEADY.dropped} count<=0`]);
  const text = lines(found, readSettings({}));
  assert.match(text, /dropped     3 iterations/);
  assert.match(text, /BROKEN: dropped_iterations\{scenario:steady\} count<=0/);
  assert.match(lines({ ...found, thresholds_failed: [] }, readSettings({})), /all hold/);
});
