import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quantile, ratioOf, summarize } from './statistics.ts';

test('the median of an even number of values lies between the two in the middle', () => {
  assert.is(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.is(quantile([7], 0.25), 7);
  assert.throws(() => quantile([], 0.5), /of nothing/);
});

test('a summary does not depend on the order, and an outlier does not move it', () => {
  assert.equal(summarize([5, 3, 1000, 4, 2]), { median: 4, low: 3, high: 5, runs: 5 });
  assert.equal(summarize([10, 20]), { median: 15, low: 12.5, high: 17.5, runs: 2 });
});

test('what slows both sides of a round down leaves their ratio as it is', () => {
  assert.equal(ratioOf([20, 200, 40], [10, 100, 20]), { median: 2, low: 2, high: 2, runs: 3 });
});

test('series of different lengths are compared by their medians', () => {
  assert.equal(ratioOf([30], [10, 15, 20]), { median: 2, low: 30 / 17.5, high: 30 / 12.5, runs: 1 });
});

test.run();
