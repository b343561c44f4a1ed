import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClaimTip, Live, QueueEntry } from '../../src/ledger/live.ts';
import { type Situation, waitingFor } from '../../src/runner/waiting.ts';
import { dependsOn, jobSpec } from '../ledger/support.ts';

const queued = (job: string, more: Parameters<typeof jobSpec>[1] = {}): [string, QueueEntry] => [
  `run-1/${job}`,
  {
    id: { run: 'run-1', job },
    commit: `queue-${job}`,
    runCommit: '',
    submittedAt: 0,
    blob: '',
    job: { format: 1, run: 'run-1', spec: jobSpec(job, more), useCache: true, cacheKey: null },
  },
];
const claimed = (job: string, runner: string): [string, ClaimTip] => [
  `run-1/${job}`,
  { kind: 'claim', commit: `claim-${job}`, claim: { runner, lease: 60, attempt: 1 } } as ClaimTip,
];

/** @param silent seconds for which each claim has stood */
function situation(
  queue: [string, QueueEntry][],
  claims: [string, ClaimTip][] = [],
  more: Partial<Situation> = {},
  silent = 0,
): Situation {
  const live: Live = {
    queue: new Map(queue),
    claims: new Map(claims),
    stops: new Map(),
    finished: new Map(),
    nodes: new Map(),
    problems: new Map(),
    unreadableClaims: new Set(),
  };
  return {
    live,
    silence: { observe() {}, forget() {}, silentFor: () => silent },
    jobs: [],
    concurrency: 1,
    ending: false,
    keepsRoomFor: null,
    unfitFor: ({ image }) => (image === null ? null : 'needs Docker'),
    ...more,
  };
}
const words = (...args: Parameters<typeof situation>) => waitingFor(situation(...args))?.words ?? null;

test('nothing to do', () => {
  assert.is(words([]), 'work: the queue is empty');
  assert.is(words([queued('a')], [claimed('a', 'gpu-2')]), 'work: others have all that is in the queue');
});

test('nothing that it may do', () => {
  assert.is(
    words([queued('b', { image: 'x' }), queued('a', { image: 'x' })]),
    'a job that can run here: run-1/a needs Docker, and 1 more',
  );
  assert.is(
    words([queued('a'), queued('b', dependsOn('a'))], [claimed('a', 'gpu-2')]),
    'what 1 job in the queue must come after',
  );
});

test('what is about to be claimed is not waited for', () => {
  assert.is(words([queued('a'), queued('b', { image: 'x' })]), null);
});

test('a free slot', () => {
  const queue = [queued('a'), queued('b'), queued('c', { image: 'x' })];
  const own: [string, ClaimTip][] = [claimed('a', 'gpu-1')];
  assert.is(words(queue, own, { jobs: ['run-1/a'] }), 'a free slot: 1 job in the queue could run here');
  assert.is(words(queue.slice(0, 1), own, { jobs: ['run-1/a'] }), null);
});

test('the lease of a runner that is late', () => {
  const queue = [queued('a')];
  const claims = [claimed('a', 'gpu-2')];
  assert.match(words(queue, claims, {}, 25) ?? '', /^work/, 'a third of the lease is no sign of anything');
  assert.is(words(queue, claims, {}, 40), 'the lease of run-1/a: taken over in 20s if gpu-2 stays silent');
  assert.is(words(queue, claims, {}, 60), null, 'its turn has come');
  assert.match(words([queued('a', { image: 'x' })], claims, {}, 40) ?? '', /^work/, 'not by this one');
});

test('room for a job that needs much', () => {
  const keepsRoomFor = { job: 'run-1/big', lacking: 'needs 8 CPUs, of which 3 are free' };
  assert.is(
    words([queued('a')], [], { keepsRoomFor }),
    'room for run-1/big, which needs 8 CPUs, of which 3 are free',
  );
});

test('the end of what it has', () => {
  assert.is(words([], [], { ending: true, jobs: ['run-1/a'] }), 'the end of what it has');
  assert.is(words([], [], { ending: true }), null);
});

test.run();
