// A judge that lets a bad answer pass would make the load test worthless.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { billingPath, judge } from '../lib/answers.js';

const ASKED = {
  kind: 'known',
  mayBid: true,
  body: {
    id: 'r1',
    cur: ['EUR'],
    imp: [
      { id: '1', bidfloor: 0.5, banner: { format: [{ w: 300, h: 250 }, { w: 728, h: 90 }] } },
      { id: '2', bidfloor: 0, banner: { w: 320, h: 50 } },
    ],
  },
};

const BID = {
  id: 'b1', impid: '1', price: 0.5, w: 728, h: 90, adm: '<a>', adomain: ['a.example'], crid: 'c',
};

function answer(changes = {}, top = {}) {
  const bid = { ...BID, ...changes };
  return JSON.stringify({ id: 'r1', cur: 'EUR', seatbid: [{ bid: [bid] }], ...top });
}

test('good answers have no faults', () => {
  assert.deepEqual(judge(ASKED, 204, ''), { faults: [], bids: [] });
  assert.deepEqual(judge(ASKED, 204, null), { faults: [], bids: [] });
  assert.deepEqual(judge(ASKED, 200, answer()), { faults: [], bids: [BID] });
  const other = answer({ impid: '2', w: 320, h: 50, price: 0.01 });
  assert.deepEqual(judge(ASKED, 200, other).faults, []);
  const reason = JSON.stringify({ id: 'r1', seatbid: [], nbr: 8 });
  assert.deepEqual(judge(ASKED, 200, reason), { faults: [], bids: [] });
});

test('every fault is found', () => {
  const two = { seatbid: [{ bid: [BID, { ...BID, id: 'b2' }] }] };
  for (const [status, text, told] of [
    [500, '', 'status 500'],
    [0, null, 'status 0'],
    [204, 'x', 'a 204 has a body'],
    [200, '', 'no JSON'],
    [200, 'null', 'no JSON'],
    [200, '{}', 'seatbid'],
    [200, JSON.stringify({ id: 'r1', seatbid: [] }), 'neither'],
    [200, answer({}, { id: 'r2' }), 'id r2'],
    [200, answer({}, { cur: 'USD' }), 'cur USD'],
    [200, answer({}, two), 'two bids'],
    [200, answer({ impid: '9' }), 'impid 9'],
    [200, answer({ id: '' }), 'no id'],
    [200, answer({ price: 0.49 }), 'price 0.49'],
    [200, answer({ price: '1' }), 'price 1'],
    [200, answer({ price: undefined }), 'price undefined'],
    [200, answer({ w: 320, h: 50 }), 'size 320x50'],
    [200, answer({ adm: '' }), 'adm is missing'],
    [200, answer({ adm: '{{click_url}}' }), 'placeholder'],
    [200, answer({ adomain: [] }), 'adomain'],
    [200, answer({ crid: undefined }), 'crid'],
  ]) {
    const { faults } = judge(ASKED, status, text);
    assert.ok(faults.length > 0, `nothing found in ${status} ${text}`);
    assert.match(faults.join('; '), new RegExp(told), text);
  }
});

test('people who must not be reached must not be bid on', () => {
  const { faults } = judge({ ...ASKED, kind: 'coppa', mayBid: false }, 200, answer());
  assert.deepEqual(faults, ['a bid where none may come: coppa']);
});

test('a bill goes to the server under test, with its price', () => {
  const burl = 'https://ads.example:8443/n/bill/token?p=${AUCTION_PRICE}';
  assert.equal(billingPath({ burl }, 1.5), '/n/bill/token?p=1.500000');
  assert.equal(billingPath({}, 1.5), null);
});
