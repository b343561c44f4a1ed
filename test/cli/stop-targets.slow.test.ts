import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeStates } from '../../src/cli/open-state.ts';
import { stopTargets } from '../../src/cli/stop-jobs.ts';
import { sampleJob, sampleRun } from '../tui/sample-state.ts';

const test = suite('what commands choose from a state');

test('only unfinished jobs that have a queue entry can be stopped', () => {
  const run = sampleRun('brave-otter-7k2m', [
    sampleJob({ name: 'a', state: 'done', queueEntry: 'q1' }),
    sampleJob({ name: 'b', state: 'running', queueEntry: 'q2' }),
    sampleJob({ name: 'c', state: 'submitted', queueEntry: 'q3' }),
    sampleJob({ name: 'd', state: 'submitted', queueEntry: null }),
  ]);
  const names = (job: string | null) =>
    stopTargets(run, job).map(({ id, queueEntry }) => [id.job, queueEntry]);
  assert.equal(names(null), [
    ['b', 'q2'],
    ['c', 'q3'],
  ]);
  assert.equal(names('c'), [['c', 'q3']]);
  assert.equal(names('a'), []);
});

test('runs of several ledgers are one list, newest first', () => {
  const at = (name: string, submittedAt: string) => sampleRun(name, [], { submittedAt });
  const shared = { runs: [at('c', '2026-01-03'), at('a', '2026-01-01')], runners: [], archived: 0 };
  const local = { runs: [at('b', '2026-01-02')], runners: [], archived: 0 };
  assert.equal(
    mergeStates([shared, local]).runs.map(({ name }) => name),
    ['c', 'b', 'a'],
  );
});

test.run();
