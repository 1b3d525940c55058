// The requests are as varied as they claim to be, and well-formed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS, makeRequest } from '../lib/requests.js';

const IDS = ['u1', 'u2', 'u3'];
const COUNT = 4_000;

/** Chance that can be repeated (mulberry32). */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seeded(1);
const REQUESTS = Array.from({ length: COUNT }, () => makeRequest(random, IDS));

test('all kinds come in their shares', () => {
  assert.equal(KINDS.reduce((sum, { share }) => sum + share, 0), 100);
  for (const { kind, share } of KINDS) {
    const found = REQUESTS.filter((one) => one.kind === kind).length / COUNT;
    assert.ok(Math.abs(found - share / 100) < 0.03, `${kind}: ${found}`);
  }
});

test('each kind says of the person what its name says', () => {
  for (const { kind, body } of REQUESTS) {
    assert.equal(body.user.buyeruid === undefined, kind === 'no_id');
    assert.equal(IDS.includes(body.user.buyeruid), !['no_id', 'unknown'].includes(kind));
    assert.equal(body.device.lmt === 1, kind === 'lmt');
    assert.equal(body.regs.coppa === 1, kind === 'coppa');
    assert.equal(body.regs.gdpr === 1, kind === 'gdpr');
  }
});

test('impressions are distinct and priced in the currency of the request', () => {
  const counts = new Set();
  for (const { body } of REQUESTS) {
    counts.add(body.imp.length);
    assert.equal(new Set(body.imp.map(({ id }) => id)).size, body.imp.length);
    assert.ok(body.imp.every((one) => one.bidfloorcur === body.cur[0]));
    assert.ok((body.site === undefined) !== (body.app === undefined));
  }
  assert.deepEqual([...counts].sort(), [1, 2, 3]);
});

test('ids do not repeat, and sizes reach from under one to about ten kilobytes', () => {
  assert.equal(new Set(REQUESTS.map(({ body }) => body.id)).size, COUNT);
  const bytes = REQUESTS.map(({ body }) => JSON.stringify(body).length).sort((a, b) => a - b);
  assert.ok(bytes[0] > 500 && bytes[0] < 1_000, `smallest ${bytes[0]}`);
  assert.ok(bytes[COUNT - 1] > 7_000 && bytes[COUNT - 1] < 14_000, `largest ${bytes[COUNT - 1]}`);
});
