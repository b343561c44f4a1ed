import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatDuration } from '../src/human-units.ts';

const test = suite('human units');
const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

for (const [ms, text] of [
  [-5, '0s'],
  [0, '0s'],
  [950, '0.9s'],
  [12 * S + 999, '12s'],
  [59 * S + 999, '59s'],
  [3 * M + 4 * S, '3m04s'],
  [60 * M - 1, '59m59s'],
  [2 * H + 15 * M, '2h15m'],
  [D - 1, '23h59m'],
  [3 * D + 4 * H, '3d4h'],
  [100 * D - 1, '99d23h'],
  [400 * D, '400d'],
] as const) {
  test(`${ms} ms is ${text}`, () => assert.is(formatDuration(ms), text));
}

test.run();
