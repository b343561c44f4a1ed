import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements } from '../../src/language/job-spec.ts';
import {
  type Ending,
  failedFor,
  jobOutcome as outcomeOf,
  type Upload,
} from '../../src/runner/job-outcome.ts';

const ended = (exitCode: number | null, signal: string | null = null, failure: string | null = null) => ({
  exitCode,
  signal,
  failure,
});
const none: Ending = { kind: null, by: '' };
const jobOutcome = (...[result, ending, upload]: [Parameters<typeof outcomeOf>[0], Ending, Upload]) =>
  outcomeOf(result, ending, upload, defaultRequirements);
const nothing: Upload = {
  manifest: null,
  missing: [],
  skipped: [],
  totals: { files: 0, bytes: 0 },
  problem: null,
};
const some: Upload = {
  manifest: { packs: [], entries: [{ type: 'folder', path: 'out' }] },
  missing: [],
  skipped: [],
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
  assert.equal(face(jobOutcome(ended(null, null, 'no such image'), none, nothing)), [
    'failed',
    'no such image',
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

test('what it was held to is said', () => {
  const resources = { ...defaultRequirements.resources, memory: 512 << 20 };
  const limits = { timeout: 7200, resources };
  const killed = { ...ended(137), outOfMemory: true as const };
  const timeout: Ending = { kind: 'timeout', by: '' };
  assert.equal(face(outcomeOf(killed, none, some, limits)), [
    'failed',
    'out of memory: it may have 512MB',
    true,
  ]);
  assert.is(jobOutcome(killed, none, some).reason, 'out of memory: the kernel killed it');
  // One that obeys with exit code 0 has been cut short all the same; its artifacts so far stay.
  assert.equal(face(outcomeOf(ended(0), timeout, some, limits)), ['failed', 'timeout after 2h', true]);
  assert.is(outcomeOf(ended(137), timeout, some, limits).reason, 'timeout after 2h');
});

test('for what reason another attempt can be made', () => {
  const timeout: Ending = { kind: 'timeout', by: '' };
  assert.is(failedFor(ended(0), none), null);
  assert.is(failedFor(ended(3), none), 'exit');
  assert.is(failedFor(ended(null, 'SIGSEGV'), none), 'exit');
  assert.is(failedFor({ ...ended(137), outOfMemory: true }, none), 'out-of-memory');
  assert.is(failedFor(ended(null, 'SIGTERM'), timeout), 'timeout');
  assert.is(failedFor(ended(null, null, 'no such image'), none), null);
  assert.is(failedFor({ ...ended(null, null, 'killed'), lost: true }, none), 'runner-lost');
  for (const kind of ['stop', 'abort', 'give-back'] as const)
    assert.is(failedFor(ended(3), { kind, by: 'ann' }), null);
});

test.run();
