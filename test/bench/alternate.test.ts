import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alternate } from './alternate.ts';

test('sides take turns in either order, and the first round is not counted', async () => {
  const calls: string[] = [];
  const side = (name: string) => async (round: number) => {
    calls.push(`${name}${round}`);
    return round;
  };
  assert.equal(await alternate({ a: side('a'), b: side('b') }, 2), { a: [1, 2], b: [1, 2] });
  assert.equal(calls, ['a0', 'b0', 'b1', 'a1', 'a2', 'b2']);
});

test('what costs minutes has no round that is not counted', async () => {
  let calls = 0;
  const count = async () => {
    calls += 1;
    return calls;
  };
  assert.equal(await alternate({ a: count }, 2, { warmUp: false }), { a: [1, 2] });
});

test.run();
