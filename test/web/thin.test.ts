import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { thinned } from '../../src/web/thin.ts';

const job = (name: string, count: number) => ({
  ...{ run: 'r', job: name, matrix: null, last: { step: count } },
  points: Array.from({ length: count }, (_, index) => ({ step: index + 1 })),
});

test('of more points than can be seen every so many one is there, with the first and the last', () => {
  const { jobs, thinned: every } = thinned([job('short', 10), job('long', 25)], 10);
  assert.is(jobs[0]?.points.length, 10);
  assert.equal(
    jobs[1]?.points.map(({ step }) => step),
    [1, 4, 7, 10, 13, 16, 19, 22, 25],
  );
  assert.equal(every, { long: 3 });
  assert.equal(jobs[1]?.last, { step: 25 });
});

test.run();
