import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOfPage } from '../../../src/web/answer-types.ts';
import { findLine } from '../../../src/web/page/find-line.ts';

/** A log in which the lines of these numbers are `x`; remembers which pages were read. */
function log(total: number, ...marked: number[]) {
  const lines = Array.from({ length: total }, (_, number) => (marked.includes(number) ? 'x' : '-'));
  const read: number[] = [];
  const page = async (number: number) => {
    read.push(number);
    return lines.slice(number * linesOfPage, (number + 1) * linesOfPage);
  };
  const find = (from: number, direction: 1 | -1) =>
    findLine(total, page, from, direction, (line) => line === 'x');
  return { find, read };
}

test('the next line and the one before, over pages', async () => {
  const { find } = log(3_500, 0, 10, 2_999, 3_499);
  assert.is(await find(-1, 1), 0);
  assert.is(await find(0, 1), 10);
  assert.is(await find(10, 1), 2_999);
  assert.is(await find(2_999, 1), 3_499);
  assert.is(await find(2_999, -1), 10);
});

test('it goes once around, to the line itself if there is no other', async () => {
  assert.is(await log(3_500, 5).find(3_000, 1), 5);
  assert.is(await log(3_500, 3_000).find(5, -1), 3_000);
  assert.is(await log(3_500, 1_200).find(1_200, 1), 1_200);
  assert.is(await log(3_500, 1_200).find(1_200, -1), 1_200);
  assert.is(await log(3_500).find(1_200, 1), null);
  assert.is(await log(0).find(-1, 1), null);
});

test('no more pages are read than needed', async () => {
  const { find, read } = log(50_000, 1_100);
  await find(-1, 1);
  assert.equal(read, [0, 1]);
});

test.run();
