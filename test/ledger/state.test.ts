import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isFinal, isSuccess, type JobState, jobStates, runState } from '../../src/ledger/state.ts';

test('the state of a run', () => {
  const states: [JobState[], JobState][] = [
    [['submitted', 'submitted'], 'submitted'],
    [['done', 'submitted'], 'submitted'],
    [['claimed', 'running', 'pulling'], 'running'],
    [['failed', 'running'], 'running'],
    [['done', 'done'], 'done'],
    [['done', 'cached'], 'done'],
    [['cached', 'cached'], 'cached'],
    [['failed', 'skipped', 'done'], 'failed'],
    [['stopped', 'aborted'], 'aborted'],
    [['stopped', 'skipped'], 'stopped'],
    [['done', 'skipped'], 'skipped'],
  ];
  for (const [jobs, expected] of states) assert.is(runState(jobs), expected, jobs.join(' '));
});

test('a state is live or final; of the final ones two are a success', () => {
  assert.equal(jobStates.filter(isFinal), ['done', 'failed', 'stopped', 'aborted', 'skipped', 'cached']);
  assert.equal(jobStates.filter(isSuccess), ['done', 'cached']);
});

test.run();
