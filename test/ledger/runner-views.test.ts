import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withJobs } from '../../src/ledger/runner-views.ts';
import { sampleJob, sampleRun, sampleRunner } from '../tui/sample-state.ts';

test("what a runner's card says that it waits for is not said of one that has taken something since", () => {
  const card = sampleRunner('gpu-1', {
    seenAt: '2026-03-01T12:00:10.000Z',
    waiting: 'work: the queue is empty',
    waitingSince: '2026-03-01T11:00:00.000Z',
  });
  const waitsFor = (claimedAt: string, state: 'running' | 'done' = 'running') => {
    const job = sampleJob({ name: 'train', state, runner: 'gpu-1', claimedAt });
    return withJobs(card, [sampleRun('run-1', [job])], new Map()).waiting;
  };
  assert.is(waitsFor('2026-03-01T12:00:11.000Z'), null);
  assert.is(waitsFor('2026-03-01T12:00:09.000Z'), card.waiting);
  assert.is(waitsFor('2026-03-01T12:00:11.000Z', 'done'), card.waiting);
  assert.is(withJobs(card, [], new Map()).waiting, card.waiting);
});

test.run();
