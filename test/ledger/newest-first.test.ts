import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newestFirst } from '../../src/ledger/newest-first.ts';

test('the newest comes first, and of one second always the same', () => {
  const runs = [
    { name: 'a', submittedAt: 1 },
    { name: 'b', submittedAt: 2 },
    { name: 'c', submittedAt: 2 },
  ];
  for (const order of [runs, runs.toReversed()])
    assert.equal(
      order.toSorted(newestFirst).map(({ name }) => name),
      ['c', 'b', 'a'],
    );
});

test.run();
