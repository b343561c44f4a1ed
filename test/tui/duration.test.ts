import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAge, formatBytes, formatDuration, jobDuration, runDuration } from '../../src/tui/duration.ts';
import { ago, NOW, sampleJob, sampleRun } from './sample-state.ts';

const test = suite('duration');
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

test('ages have one unit, and a clock that is ahead is now', () => {
  assert.is(formatAge(ago(0), NOW), 'now');
  assert.is(formatAge(ago(-100), NOW), 'now');
  assert.is(formatAge(ago(59), NOW), '59s ago');
  assert.is(formatAge(NOW - 61 * M, NOW), '1h ago');
  assert.is(formatAge(NOW - 49 * H, NOW), '2d ago');
  assert.is(formatAge('not a time', NOW), '?');
});

test('bytes in powers of 1024', () => {
  assert.is(formatBytes(0), '0B');
  assert.is(formatBytes(1536), '1.5KB');
  assert.is(formatBytes(13.4 * 1024 ** 3), '13.4GB');
});

test('durations tick while something runs, and stand still after it', () => {
  const job = sampleJob({ name: 'a', state: 'running', startedAt: ago(10) });
  assert.is(jobDuration(job, NOW), 10 * S);
  assert.is(jobDuration({ ...job, state: 'done', finishedAt: ago(4) }, NOW), 6 * S);
  assert.is(jobDuration({ ...job, startedAt: null }, NOW), null);
  assert.is(jobDuration({ ...job, state: 'failed' }, NOW), null, 'an end of unknown time');
  assert.is(jobDuration({ ...job, startedAt: 'nonsense' }, NOW), null);
  assert.is(runDuration(sampleRun('r', [job]), NOW), 10 * S);
});

test.run();
