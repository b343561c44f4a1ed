import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ending, jobOutcome, type Upload } from '../../src/runner/job-outcome.ts';

const ended = (exitCode: number | null, signal: string | null = null, failure: string | null = null) => ({
  exitCode,
  signal,
  failure,
});
const none: Ending = { kind: null, by: '' };
const nothing: Upload = { manifest: null, missing: [], totals: { files: 0, bytes: 0 }, problem: null };
const some: Upload = {
  manifest: { format: 1, entries: [{ type: 'folder', path: 'out' }] },
  missing: [],
  totals: { files: 1, bytes: 5 },
  problem: null,
};
const face = ({ state, reason, artifacts }: ReturnType<typeof jobOutcome>) => [
  state,
  reason,
  artifacts?.complete,
];

test('commands tell how a job ended', () => {
  assert.equal(face(jobOutcome(ended(0), none, some)), ['done', null, true]);
  assert.equal(face(jobOutcome(ended(3), none, some)), ['failed', 'exit code 3', true]);
  assert.equal(face(jobOutcome(ended(127), none, nothing)), [
    'failed',
    'exit code 127 (a command was not found)',
    undefined,
  ]);
  assert.equal(face(jobOutcome(ended(null, 'SIGKILL'), none, nothing)), [
    'failed',
    'killed by SIGKILL',
    undefined,
  ]);
  assert.equal(face(jobOutcome(ended(null, null, 'out of memory'), none, nothing)), [
    'failed',
    'out of memory',
    undefined,
  ]);
});

test('artifacts that are missing or could not be kept fail what was done', () => {
  const missing = { ...some, missing: ['a', 'b'] };
  assert.equal(face(jobOutcome(ended(0), none, missing)), [
    'failed',
    'it left no a, b, which it declares as artifacts',
    false,
  ]);
  assert.equal(face(jobOutcome(ended(1), none, missing)), ['failed', 'exit code 1', false]);
  const problem = { ...nothing, problem: 'the store is full' };
  assert.equal(face(jobOutcome(ended(0), none, problem)), ['failed', 'the store is full', undefined]);
  assert.equal(face(jobOutcome(ended(1), none, problem)), ['failed', 'exit code 1', undefined]);
});

test('a stop makes it stopped, whatever its exit code; an abort leaves no artifacts', () => {
  const stop: Ending = { kind: 'stop', by: 'ann' };
  assert.equal(face(jobOutcome(ended(0), stop, some)), ['stopped', 'stopped by ann', true]);
  assert.equal(face(jobOutcome(ended(null, 'SIGTERM'), stop, some)), ['stopped', 'stopped by ann', true]);
  const full = { ...nothing, problem: 'the store is full' };
  assert.equal(face(jobOutcome(ended(0), stop, full)), [
    'stopped',
    'stopped by ann; the store is full',
    undefined,
  ]);
  assert.equal(face(jobOutcome(ended(0), { kind: 'abort', by: 'ann' }, some)), [
    'aborted',
    'aborted by ann',
    undefined,
  ]);
});

test.run();
