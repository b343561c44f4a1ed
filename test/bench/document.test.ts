import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { absentRow, atMostAbove, atMostTimes, both, type Row, rowOf } from './benchmark.ts';
import { mergeResults, printResults as print, type Result, type Results, replaceBlock } from './document.ts';

const machine = { cpu: 'a CPU', cores: 2, memoryGiB: 8, system: 'a system', node: '20.0.0', git: '2.39.5' };

/** Without what makes columns equally wide. */
const printResults = (results: Results) => print(results).replace(/ +\|/g, ' |');

const result = (rows: readonly Row[], more: Partial<Result> = {}): Result => ({
  machine,
  commit: 'abc1234',
  day: '2026-03-01',
  rows,
  ...more,
});

const row = (measured: number[], floor: number[]): Row =>
  rowOf({
    what: 'a thing',
    unit: 'ms',
    measured,
    against: { what: 'a floor', values: floor },
    aim: both(atMostTimes(1.5), atMostAbove(150, '150 ms')),
  });

test('a row says whether it keeps to all of its aim', () => {
  assert.is(row([120], [100]).met, true);
  assert.is(row([160], [100]).met, false);
  assert.is(row([1200], [1000]).met, false);
  assert.is(absentRow('a thing', null, atMostTimes(2), 'there is no such thing here').met, null);
});

test('a table has medians, their spread, the ratio and the aim', () => {
  const text = printResults(
    mergeResults(null, { start: result([row([90, 100, 110], [50, 50, 50])]) }, ['start']),
  );
  assert.match(
    text,
    '2026-03-01, commit abc1234: a CPU, 2 cores, 8 GiB of memory, a system, Node 20.0.0, Git 2.39.5',
  );
  assert.match(
    text,
    '| `start` | a thing | 100 ms (95–105; 3 runs) | a floor: 50.0 ms (50.0–50.0; 3 runs) | **2.00 ×** (1.90–2.10) | ≤ 1.5 ×, ≤ 150 ms above | no |',
  );
});

test('what could not be measured says why', () => {
  const rows = [absentRow('a thing', 'a peer', atMostTimes(1), 'there is no peer here')];
  const text = printResults(mergeResults(null, { drain: result(rows) }, ['drain']));
  assert.match(text, '| `drain` | a thing (there is no peer here) | not measured | a peer | – | ≤ 1 × | – |');
});

test('bytes are printed in units of their size', () => {
  const rows = [1, 2048, 3 << 20].map((bytes) => rowOf({ what: 'size', unit: 'bytes', measured: [bytes] }));
  const text = printResults(mergeResults(null, { disk: result(rows) }, ['disk']));
  for (const words of ['| 1 bytes |', '| 2.00 KiB |', '| 3.00 MiB |']) assert.match(text, words);
});

test('columns are as wide as what is in them', () => {
  const results = mergeResults(null, { start: result([row([90], [50]), row([1000], [50])]) }, ['start']);
  const lines = print(results)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  assert.is(lines.length, 4);
  assert.is(new Set(lines.map((line) => line.length)).size, 1);
});

test('only the rows of what was measured are replaced, and the order stays', () => {
  const order = ['start', 'submit'];
  const before = mergeResults(
    null,
    { submit: result([row([1], [1])]), start: result([row([2], [1])]) },
    order,
  );
  assert.equal(Object.keys(before.benchmarks), order);
  const after = mergeResults(
    JSON.stringify(before),
    { start: result([row([3], [1])], { commit: 'def5678' }) },
    order,
  );
  assert.equal(after.benchmarks.submit, before.benchmarks.submit);
  assert.is(after.benchmarks.start?.rows[0]?.ratio?.median, 3);
  assert.is(printResults(after).match(/^\| \| what/gm)?.length, 2, 'a table for each state of the code');
  assert.equal(Object.keys(mergeResults(JSON.stringify(after), {}, ['submit']).benchmarks), ['submit']);
});

test('results of another version are not mixed with ours', () => {
  assert.throws(() => mergeResults('{"version": 99, "benchmarks": {}}', {}, []), /version 99/);
});

test('the document around the block stays as it is', () => {
  const results = mergeResults(null, { start: result([row([2], [1])]) }, ['start']);
  const document =
    'before\n<!-- measured: written by npm run bench -->\nold\n<!-- end of what was measured -->\nafter\n';
  const replaced = replaceBlock(document, results);
  assert.ok(replaced.startsWith('before\n<!--') && replaced.endsWith('-->\nafter\n'));
  assert.not.match(replaced, 'old');
  assert.is(replaceBlock(replaced, results), replaced);
  assert.throws(() => replaceBlock('nothing', results), /no place/);
});

test.run();
