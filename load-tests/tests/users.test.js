// The ids made here are those that the bidder's own generator makes.
//
// HOMING names the binary; otherwise it is looked for where cargo puts it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { demoUserId, sampleOfUserIds } from '../lib/users.js';

const USERS = 500;

function binary() {
  if (process.env.HOMING) {
    return process.env.HOMING;
  }
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const built = ['release', 'debug'].map((profile) => join(target, profile, 'homing'));
  const found = built.find(existsSync);
  assert.ok(found, `no homing in ${target}: run \`cargo build\` first, or set HOMING`);
  return found;
}

function generatedIds() {
  const folder = mkdtempSync(join(tmpdir(), 'homing-ids-'));
  try {
    const file = join(folder, 'rows.ndjson');
    const command = ['snapshot', 'generate', '--users', String(USERS), '--out', file];
    execFileSync(binary(), command, { timeout: 60_000, stdio: 'pipe' });
    const rows = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
    const ids = rows.filter((row) => row.id_space === 'buyeruid').map((row) => row.id);
    return [...new Set(ids)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the ids are those of the generator, in its order', () => {
  const ours = Array.from({ length: USERS }, (_, n) => demoUserId(n));
  assert.deepEqual(ours, generatedIds());
});

test('a sample is spread over the whole audience', () => {
  const sample = sampleOfUserIds(1_000, 10);
  assert.equal(new Set(sample).size, 10);
  assert.equal(sample[9], demoUserId(900));
  assert.equal(sampleOfUserIds(5, 10).length, 5);
});
