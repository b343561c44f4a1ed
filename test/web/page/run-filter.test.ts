import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunSummary } from '../../../src/web/answer-types.ts';
import { filterRuns, type RunFilter } from '../../../src/web/page/run-filter.ts';

const run = (name: string, more: Partial<RunSummary>): RunSummary => ({
  ...{ name, workflow: 'train', state: 'done', submittedAt: '', submittedBy: 'Ann <ann@example.org>' },
  ...{ startedAt: null, finishedAt: null, variables: {}, tags: [], jobs: { ended: 1, all: 1 }, reason: null },
  ...{ jobNames: [], version: '' },
  ...more,
});

const runs = [
  run('brave-otter', { variables: { lr: '0.1' }, tags: ['best'] }),
  run('calm-fox', { workflow: 'sweep', jobNames: ['sweep-1', 'sweep-2'] }),
  run('dull-owl', { state: 'failed', reason: 'train: exit code 1' }),
];

const found = (filter: Partial<RunFilter>) =>
  filterRuns(runs, { text: '', workflow: '', state: '', tag: '', ...filter }).map(({ name }) => name);

test('every word is found somewhere in the run', () => {
  assert.equal(found({ text: 'OTTER lr=0.1' }), ['brave-otter']);
  assert.equal(found({ text: 'sweep-2' }), ['calm-fox']);
  assert.equal(found({ text: 'exit code' }), ['dull-owl']);
  assert.equal(found({ text: ':best' }), ['brave-otter']);
  assert.equal(found({ text: 'otter fox' }), []);
  assert.is(found({ text: ' ' }).length, 3);
});

test('workflow, state and tag are exact, and all of them count', () => {
  assert.equal(found({ workflow: 'train' }), ['brave-otter', 'dull-owl']);
  assert.equal(found({ workflow: 'train', state: 'failed' }), ['dull-owl']);
  assert.equal(found({ tag: 'best' }), ['brave-otter']);
  assert.equal(found({ tag: 'bes' }), []);
});

test.run();
