import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeJob } from '../../src/cli/run-printer.ts';
import { sampleJob, sampleRun } from '../tui/sample-state.ts';

const described = (runState: 'running' | 'stopped', ...[more]: Parameters<typeof sampleJob>) => {
  const job = sampleJob(more);
  return describeJob(job, { ...sampleRun('calm-fox', [job]), state: runState });
};

test('how a job ended is said once, and at the end of its run without what the summary says', () => {
  const stopped = { name: 'train', state: 'stopped', reason: 'stopped by ann before it ran' } as const;
  assert.is(described('running', stopped), 'stopped by ann before it ran');
  assert.is(described('stopped', stopped), 'stopped');
  const skipped = { name: 'train', state: 'skipped', reason: 'prepare failed' } as const;
  assert.is(described('running', skipped), 'skipped: prepare failed');
});

test('where a job is, once somebody has it', () => {
  const claimed = { name: 'train', state: 'claimed', runner: 'gpu-1', reason: null } as const;
  assert.is(described('running', claimed), 'claimed on gpu-1');
  assert.is(described('running', { ...claimed, attempt: 2 }), 'claimed on gpu-1, attempt 2');
});

test.run();
