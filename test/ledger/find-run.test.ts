import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findRun } from '../../src/ledger/find-run.ts';
import type { Tag } from '../../src/ledger/tags.ts';
import { sampleJob, sampleRun } from '../tui/sample-state.ts';

const jobs = [sampleJob({ name: 'prepare', state: 'done' }), sampleJob({ name: 'train', state: 'done' })];
const state = {
  runs: ['brave-otter', 'brave-owl', 'calm', 'calm-fox'].map((name) => sampleRun(name, jobs)),
  runners: [],
  archived: 0,
};
const message = { run: 'calm-fox', workflow: 'train', variables: {}, jobs: new Map(), reason: null };
const tags = new Map<string, Tag>([
  ['best', { tag: 'best', commit: 'c', message }],
  ['lost', { tag: 'lost', commit: 'c', message: { ...message, run: 'gone' } }],
]);

function refusal(text: string, within = state): { code: string; message: string; hint: string } {
  try {
    findRun(within, text, tags);
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error(`${text} was found`);
}

test('a run is found by its name, a unique beginning, a tag; with a job or without', () => {
  const found = (text: string) => {
    const { run, job } = findRun(state, text, tags);
    return [run.name, job];
  };
  assert.equal(found('brave-otter'), ['brave-otter', null]);
  assert.equal(found('brave-ot'), ['brave-otter', null]);
  assert.equal(found('calm'), ['calm', null]);
  assert.equal(found('calm-f/train'), ['calm-fox', 'train']);
  assert.equal(found(':best'), ['calm-fox', null]);
  assert.equal(found(':best/prepare'), ['calm-fox', 'prepare']);
});

test('what is ambiguous or unknown is refused with what there is', () => {
  assert.is(refusal('brave').code, 'ambiguous-run');
  assert.match(refusal('brave').hint, /brave-otter, brave-owl/);
  assert.is(refusal('').code, 'unknown-run');
  assert.is(refusal('zebra').code, 'unknown-run');
  assert.match(refusal('zebra', { runs: [], runners: [], archived: 0 }).hint, /there are no runs yet/);
  assert.match(refusal('zebra').hint, /^the newest are brave-/);
  assert.match(refusal('zebra', { ...state, runs: state.runs.slice(0, 1) }).hint, /^the newest is brave-/);
  assert.match(refusal(state.runs[0]?.workflow ?? '').hint, /^that is a workflow, its newest run is brave-/);
  assert.is(refusal(':worst').code, 'unknown-tag');
  assert.is(refusal(':lost').code, 'unknown-tag');
  const job = refusal('calm/evaluate');
  assert.is(job.code, 'unknown-job');
  assert.is(job.hint, 'its jobs are: prepare, train');
});

test('control sequences in a name are shown, not sent', () => {
  assert.match(refusal('\x1b[31m').message, /\\\\x1b\[31m/);
  assert.not.match(refusal('calm/\x1b[2J').message, /\x1b/);
});

test.run();
