// Everything that dstack itself does in a legal flow passes the guard.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { closeJob } from '../../src/ledger/close-job.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { readClaimTip } from '../../src/ledger/live.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import { putUpCard } from '../../src/ledger/runner-cards.ts';
import { settle } from '../../src/ledger/settle.ts';
import { requestStop } from '../../src/ledger/stop.ts';
import { submitRun } from '../../src/ledger/submit.ts';
import { setTag } from '../../src/ledger/tags.ts';
import { swapSeen } from '../../src/ledger/triggers/seen-ref.ts';
import { tryToWrite } from '../../src/ledger/try-to-write.ts';
import {
  chunk,
  claim,
  claimant,
  dependsOn,
  done,
  finish,
  jobSpec,
  loseNextReply,
  participant,
  queued,
  runRequest,
  type Shared,
  submit,
} from '../ledger/support.ts';
import { scratchGuardedByHook } from './guarded-repository.ts';

const key = 'c'.repeat(64);
const test = suite<{ shared: Shared; ledger: Ledger; other: Ledger; prefix: string }>('a guard lets in');

test.before.each(async (context) => {
  context.shared = await scratchGuardedByHook();
  context.ledger = await participant(context.shared.path, 'one');
  context.other = await participant(context.shared.path, 'two');
  context.prefix = 'refs/dstack';
});

async function overOf(ledger: Ledger, run: string, job = 'train') {
  const ref = ledger.names.job('claims', { run, job });
  const commit = (await ledger.shared.list([ref])).get(ref) as string;
  const tip = await readClaimTip(ledger, commit);
  if (tip.kind !== 'claim') throw new Error('it has ended');
  return { commit, claim: tip.claim };
}

const areas = (shared: Shared) => [...shared.refs().keys()].filter((ref) => /queue|claims|stops/.test(ref));

test('a job from its submission to the cache, with log, artifacts and a tag', async ({
  shared,
  ledger,
  other,
}) => {
  await tryToWrite(ledger);
  const run = await submit(ledger, 'first', [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))], {
    jobs: [
      { spec: jobSpec('prepare'), cacheKey: key, useCache: true },
      { spec: jobSpec('train', dependsOn('prepare')), cacheKey: null, useCache: true },
    ],
  });
  for (const job of ['prepare', 'train']) {
    const holder = await claim(other, await queued(other, 'first', job));
    assert.is(await holder.renew({ state: 'pulling', detail: 'busybox' }), 'won');
    assert.is(await holder.renew(), 'won');
    assert.is(await holder.renew({ state: 'running', startedAt: new Date().toISOString() }), 'won');
    for (const text of ['a\n', 'b\n', 'c\n']) assert.is(await holder.renew({ chunks: [chunk(text)] }), 'won');
    assert.is(await holder.renew({ metrics: [chunk('{"loss":1}\n')] }), 'won');
    assert.is(await holder.renew({ state: 'uploading' }), 'won');
    const finished = await holder.finish(
      (file) => ({
        ...recordOf(holder, file),
        artifacts: { manifest: 'd'.repeat(64), files: 1, bytes: 3, complete: true },
      }),
      { artifacts: '{"format":1}\n', logTail: Buffer.from('c\n') },
    );
    if (finished.result !== 'won') throw new Error(finished.result);
    assert.ok(await settle(ledger, [finished]));
    assert.ok(await settle(other, [finished]));
  }
  assert.equal(areas(shared), []);
  assert.ok(shared.refs().has(`refs/dstack/cache/${key}`));
  await setTag(ledger, 'best', run.commit);
  await setTag(other, 'best', null);
});

test('claims that are given back, taken over and tried again', async ({ ledger, other }) => {
  await submit(ledger, 'second');
  const entry = await queued(other, 'second');
  await (await claim(other, entry)).withdraw();

  const lost = await claim(other, entry, claimant('gpu-1'));
  await lost.renew({ state: 'running', chunks: [chunk('one\n')] });
  const heir = await claim(ledger, entry, claimant('gpu-2'), await overOf(ledger, 'second'));
  assert.is(heir.claim().attempt, 2);
  await heir.renew({ state: 'running', chunks: [chunk('two\n')] });
  assert.is(await lost.renew(), 'lost');
  // An attempt after the first is given back as one that waits.
  await heir.withdraw();
  const again = await claim(other, entry, claimant('gpu-1'), await overOf(other, 'second'));
  assert.is(again.claim().attempt, 2);
  const saved = { manifest: 'd'.repeat(64), files: 1, bytes: 3, complete: true };
  assert.is(await again.handBack('exit code 1', { manifest: '{"format":1}\n', said: saved }), 'won');
  const leaving = await claim(other, entry, claimant('gpu-1'), await overOf(other, 'second'));
  const kept = { manifest: '{"format":1}\n', said: saved, savedAt: '2026-03-01T12:00:00.000Z' };
  assert.is(await leaving.renew({ state: 'running', kept }), 'won');
  assert.is(await leaving.giveBack(null), 'won');
  const last = await claim(other, entry, claimant('gpu-1'), await overOf(other, 'second'));
  assert.equal([last.claim().attempt, last.claim().givenBack], [4, 1]);
  assert.ok(await settle(ledger, [await finish(last, { ...done, state: 'failed', exitCode: 1 })]));
});

test('a holder whose answers are lost, at any step', async ({ shared, ledger }) => {
  await submit(ledger, 'third');
  const entry = await queued(ledger, 'third');
  loseNextReply(shared);
  const holder = await claim(ledger, entry);
  const steps = [
    {},
    { state: 'running' as const },
    { chunks: [chunk('a\n')] },
    {},
    { state: 'uploading' as const },
  ];
  for (const step of steps) {
    loseNextReply(shared);
    assert.is(await holder.renew(step), 'won');
    assert.is(await holder.renew(), 'won');
  }
  loseNextReply(shared);
  const finished = await finish(holder);
  assert.ok(await settle(ledger, [finished]));
});

test('a holder who does not know that his last renewal was applied', async ({ ledger }) => {
  await submit(ledger, 'fourth');
  const entry = await queued(ledger, 'fourth');
  // Two who hold the same claim: what the second one does not know of, is what he has not heard of.
  const { shared } = ledger;
  for (const step of [{}, { state: 'running' as const }]) {
    const forgetful: Ledger = { ...ledger, shared: { ...shared } };
    const holder = await claim(forgetful, entry);
    // Applied, but neither answered nor seen: what comes next is built on the claim before.
    forgetful.shared.push = async (updates, options) => {
      await shared.push(updates, options);
      return { ok: false, failure: { code: 'failed', words: 'no answer', hint: undefined } };
    };
    forgetful.shared.list = () => Promise.reject(new Error('no answer'));
    assert.is(await holder.renew({ ...step, chunks: [chunk('a\n')] }), 'unknown');
    Object.assign(forgetful.shared, { push: shared.push, list: shared.list });
    assert.is(await holder.renew({ state: 'uploading' }), 'won');
    await holder.withdraw();
  }
});

test('stops, by whoever wants them, of jobs that nobody has, that somebody has, and that wait', async ({
  shared,
  ledger,
  other,
}) => {
  await submit(ledger, 'fifth', [jobSpec('a'), jobSpec('b'), jobSpec('c')]);
  const entries = await Promise.all(['a', 'b', 'c'].map((job) => queued(ledger, 'fifth', job)));
  const [a, b, c] = entries as [(typeof entries)[0], (typeof entries)[0], (typeof entries)[0]];
  await claim(other, b);
  await (await claim(other, c)).handBack('exit code 1', null);
  const targets = entries.map((entry) => ({ id: entry.id, queueEntry: entry.commit }));
  await requestStop(ledger, targets, { abort: false, by: 'Ann' });
  assert.is((await requestStop(ledger, targets, { abort: true, by: 'Ann' })).length, 3);
  for (const entry of [a, b, c]) {
    const over = entry === a ? null : await overOf(ledger, 'fifth', entry.id.job);
    const action = { do: 'stop', entry, over, abort: true, by: 'Ann' } as const;
    assert.is(await closeJob(ledger, action, claimant('ann')), 'closed');
  }
  assert.equal(areas(shared), []);
});

test('a job that depends on one that failed, and one that is given up', async ({ shared, ledger }) => {
  await submit(ledger, 'sixth', [jobSpec('a'), jobSpec('b', dependsOn('a'))]);
  await claim(ledger, await queued(ledger, 'sixth', 'a'));
  const over = await overOf(ledger, 'sixth', 'a');
  const give = { do: 'give-up', entry: await queued(ledger, 'sixth', 'a'), over } as const;
  assert.is(await closeJob(ledger, give, claimant('gpu-2')), 'closed');
  const skip = {
    do: 'skip',
    entry: await queued(ledger, 'sixth', 'b'),
    over: null,
    because: 'sixth/a failed',
  } as const;
  assert.is(await closeJob(ledger, skip, claimant('gpu-2')), 'closed');
  assert.equal(areas(shared), []);
});

test("a run in two pushes, where a host can't do it in one, and two that draw the same name", async ({
  shared,
  ledger,
  other,
}) => {
  shared.git('config', 'receive.advertiseAtomic', 'false');
  const jobs = [jobSpec('a'), jobSpec('b')];
  const [mine, theirs] = [
    await prepareRun(ledger, runRequest(ledger, 'seventh', jobs)),
    await prepareRun(other, runRequest(other, 'seventh', jobs, { reason: 'another' })),
  ];
  // Half of the other's entries are there, and his run is not, and never will be.
  const [half] = theirs.updates;
  if (!half) throw new Error('no updates');
  assert.ok((await other.shared.push([half])).ok);
  assert.is(await submitRun(ledger, mine), 'taken');
  assert.ok((await other.shared.push([{ ref: half.ref, from: half.to, to: null }])).ok);
  assert.is(await submitRun(ledger, mine), 'submitted');
  assert.is(await submitRun(other, theirs), 'taken');
  // What a server lost that was killed in the middle, and what another left among it, its submitter puts right.
  shared.git('update-ref', `refs/dstack/queue/seventh/a`, theirs.updates[0]?.to as string);
  shared.git('update-ref', '-d', `refs/dstack/queue/seventh/b`);
  assert.is(await submitRun(ledger, mine), 'submitted');
  assert.is(shared.git('rev-parse', 'refs/dstack/queue/seventh/a'), mine.updates[0]?.to);
});

test('up to where pushes have been dealt with', async ({ ledger }) => {
  const seen = { refs: { 'refs/heads/main': 'a'.repeat(40) }, pending: [], schedules: null };
  const first = await swapSeen(ledger, null, seen);
  assert.ok(first);
  assert.ok(await swapSeen(ledger, first, { ...seen, refs: {} }));
});

test('the cards of runners', async ({ ledger }) => {
  const content = {
    name: 'gpu-1',
    host: 'gpu-1.lab',
    instance: 'i',
    pid: 1,
    executor: 'process',
    concurrency: 1,
    version: '1',
    labels: { gpu: 'a100' },
    jobs: [],
    startedAt: new Date().toISOString(),
    heartbeat: 20,
    draining: false,
    waiting: null,
    machine: { cpu: 1, memory: 1, gpus: [] },
  };
  const card = await putUpCard(ledger, content, null);
  assert.is(await card.update({ ...content, jobs: ['a/b'] }), 'ok');
  await card.remove();
});

test('all of it on a host that lets nobody rewind or delete', async ({ shared }) => {
  for (const name of ['denyNonFastForwards', 'denyDeletes']) shared.git('config', `receive.${name}`, 'true');
  const host = { rewind: false, delete: false };
  const [ledger, other] = [
    await participant(shared.path, 'one', { host }),
    await participant(shared.path, 'two', { host }),
  ];
  const run = await submit(ledger, 'eighth', [jobSpec('train')], {
    jobs: [{ spec: jobSpec('train'), cacheKey: key, useCache: true }],
  });
  const entry = await queued(other, 'eighth');
  await (await claim(other, entry)).withdraw();
  const lost = await claim(other, entry);
  await lost.renew({ chunks: [chunk('a\n')] });
  await lost.renew();
  await lost.renew({ state: 'running' });
  const heir = await claim(ledger, entry, claimant('gpu-2'), await overOf(ledger, 'eighth'));
  await heir.renew({ chunks: [chunk('b\n')] });
  assert.ok(await settle(other, [await finish(heir)]));
  await setTag(ledger, 'best', run.commit);
  await setTag(ledger, 'best', null);
  await setTag(other, 'best', run.commit);
  assert.ok(await tryToWrite(other).then(() => true));
});

function recordOf(
  holder: Awaited<ReturnType<typeof claim>>,
  file: Parameters<Parameters<typeof holder.finish>[0]>[0],
) {
  return makeRecord(holder.entry, file, done, new Date().toISOString());
}

test.run();
