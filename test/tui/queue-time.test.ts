import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { queueTime, runQueueTime } from '../../src/tui/queue-time.ts';
import { ago, NOW, sampleJob, sampleRun } from './sample-state.ts';

const data = sampleJob({
  name: 'data',
  state: 'done',
  claimedAt: ago(290),
  startedAt: ago(288),
  finishedAt: ago(200),
});
const needsData = { dependsOn: [{ run: null, job: 'data' }] };
const seconds = (job: ReturnType<typeof sampleJob>, ...others: ReturnType<typeof sampleJob>[]) => {
  const time = queueTime(job, sampleRun('run', [...others, job]), NOW);
  return time === null ? null : time / 1000;
};

test('a job waits from its submission, or the end of what it needs, until it is taken', () => {
  assert.is(seconds(data), 10);
  assert.is(seconds(sampleJob({ name: 'train', state: 'submitted', ...needsData }), data), 200);
  assert.is(
    seconds(
      sampleJob({ name: 'train', state: 'claimed', runner: 'a', claimedAt: ago(150), ...needsData }),
      data,
    ),
    50,
  );
  assert.is(seconds(sampleJob({ name: 'train', state: 'submitted' })), 300);
});

test('who waits for others is in no queue, nor who never was to be executed', () => {
  const running = { ...data, state: 'running' as const, finishedAt: null };
  assert.is(seconds(sampleJob({ name: 'train', state: 'submitted', ...needsData }), running), null);
  assert.is(seconds(sampleJob({ name: 'train', state: 'skipped', claimedAt: ago(3) })), null);
  assert.is(seconds(sampleJob({ name: 'train', state: 'cached', claimedAt: ago(3) })), null);
});

test('one that is to be tried again waits still; clocks that differ take nothing below zero', () => {
  assert.is(seconds(sampleJob({ name: 'train', state: 'submitted', claimedAt: ago(100), attempt: 1 })), 300);
  assert.is(seconds(sampleJob({ name: 'train', state: 'running', runner: 'a', claimedAt: ago(400) })), 0);
  assert.is(seconds(sampleJob({ name: 'train', state: 'submitted', submittedAt: 'nonsense' })), null);
});

test('a run waits until the first of its jobs is taken', () => {
  assert.is(runQueueTime(sampleRun('run', [data], { startedAt: ago(290) }), NOW), 10_000);
  const waiting = sampleRun('run', [sampleJob({ name: 'train', state: 'submitted' })]);
  assert.is(runQueueTime(waiting, NOW), 300_000);
  const skipped = sampleRun('run', [sampleJob({ name: 'train', state: 'skipped' })]);
  assert.is(runQueueTime(skipped, NOW), null);
});

test.run();
