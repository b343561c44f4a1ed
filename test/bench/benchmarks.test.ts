import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { benchmarks, chosen } from './benchmarks.ts';

test('without a name all benchmarks are run, with names those, in the order of the document', () => {
  assert.equal(chosen([]), benchmarks);
  assert.equal(
    chosen(['submit', 'start']).map(({ name }) => name),
    ['start', 'submit'],
  );
});

test('an unknown name is an error that lists the known ones', () => {
  assert.throws(() => chosen(['start', 'strat']), /no benchmark strat; there are: start, submit/);
});

test.run();
