import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rateLimit } from '../../src/host/rate-limit.ts';

test('so many at once, then so many a second, and never more than at once', () => {
  let now = 0;
  const permits = rateLimit({ burst: 3, perSecond: 2 }, () => now);
  const take = (times: number) => Array.from({ length: times }, () => permits.take());
  assert.equal(take(4), [true, true, true, false]);
  now = 499;
  assert.equal(take(1), [false]);
  now = 500;
  assert.equal(take(2), [true, false]);
  now = 3_600_000;
  assert.equal(take(4), [true, true, true, false]);
});

test.run();
