import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAge, formatBytes, jobDuration, runDuration } from '../../src/tui/duration.ts';
import { ago, NOW, sampleJob, sampleRun } from './sample-state.ts';

const test = suite('duration');
const S = 1000;
const M = 60 * S;

test('ages have one unit, and a clock that is ahead is now', () => {
  assert.is(formatAge(ago(0), NOW), 'now');
  assert.is(formatAge(ago(-100), NOW), 'now');
  assert.is(formatAge(ago(59), NOW), '59s ago');
  assert.is(formatAge(NOW - 61 * M, NOW), '1h ago');
  assert.is(formatAge(NOW - 49 * 60 * M, NOW), '2d ago');
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
