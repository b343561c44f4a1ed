import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { holdBack } from '../../src/runner/hold-back.ts';

test('each time it is held back for twice as long, up to five minutes', () => {
  let now = 0;
  const held = holdBack(() => now);
  assert.is(held.remaining('a'), 0);
  held.add('a');
  assert.is(held.remaining('a'), 1_000);
  assert.is(held.remaining('b'), 0);
  now = 400;
  assert.is(held.remaining('a'), 600);
  now = 5_000;
  assert.is(held.remaining('a'), 0);
  held.add('a');
  assert.is(held.remaining('a'), 2_000);
  for (let times = 0; times < 20; times += 1) held.add('a');
  assert.is(held.remaining('a'), 300_000);
});

test('what has been left alone for long begins anew', () => {
  let now = 0;
  const held = holdBack(() => now, 15_000);
  for (let times = 0; times < 20; times += 1) held.add('a');
  now = 30_001;
  held.add('b');
  held.add('a');
  assert.is(held.remaining('a'), 1_000);
});

test.run();
