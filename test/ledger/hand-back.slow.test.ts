import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobSpec } from '../../src/language/job-spec.ts';
import type { ClaimHolder } from '../../src/ledger/claim-holder.ts';
import { closeJob } from '../../src/ledger/close-job.ts';
import { decide } from '../../src/ledger/decide.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { readLog } from '../../src/ledger/log-chunks.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { watchSilence } from '../../src/ledger/silence.ts';
import { requestStop, seeStopsThrough } from '../../src/ledger/stop.ts';

import {
  chunk,
  claim,
  claimant,
  finish,
  jobSpec,
  loseNextReply,
  participant,
  queued,
  refuseNextPush,
  scratchLedger,
  submit,
} from './support.ts';

const id = { run: 'run-1', job: 'train' };
const claimRef = 'refs/dstack/claims/run-1/train';
const saved = {
  manifest: '{"a manifest":1}\n',
  said: { manifest: 'a'.repeat(64), files: 2, bytes: 10, complete: true },
};

async function submitted(retry: JobSpec['retry'] = { limit: 2, on: ['exit', 'runner-lost'] }) {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, id.run, [jobSpec('train', { retry })]);
  return { shared, ledger, entry: await queued(ledger, id.run) };
}

function asFound(holder: ClaimHolder) {
  return { commit: holder.tip(), claim: holder.claim() };
}

async function view(ledger: Ledger) {
  const job = (await openStateReader(ledger).read(id.run)).runs[0]?.jobs[0];
  return [job?.state, job?.reason, job?.runner, job?.attempt];
}

async function logOf(ledger: Ledger, commit: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of readLog(ledger.shared, commit, 0, null)) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

test('an attempt that was handed back waits, and the next one has its log and what it saved', async () => {
  const { shared, ledger, entry } = await submitted();
  const first = await claim(ledger, entry);
  await first.renew({ state: 'running', chunks: [chunk('one\n')] });
  // What was handed over last goes with it.
  void first.renew({ chunks: [chunk('two\n')] });
  assert.is(await first.handBack('attempt 1 failed: exit code 3', saved), 'won');
  assert.is(shared.refs().get(claimRef), first.tip());
  assert.is(
    shared.git('log', '-1', '--format=%s', claimRef),
    'waiting: train: attempt 1 failed: exit code 3',
  );
  assert.ok(shared.refs().has('refs/dstack/queue/run-1/train'));
  assert.equal(await view(ledger), [
    'submitted',
    'attempt 1 failed: exit code 3; waits for attempt 2',
    null,
    1,
  ]);
  const { lease, state } = first.claim();
  assert.ok(state === 'waiting' && lease > 0 && lease < 60, String(lease));
  // Whatever still comes from its former holder changes nothing.
  await first.renew({ chunks: [chunk('late\n')] });
  assert.is(shared.refs().get(claimRef), first.tip());

  const other = await participant(shared.path);
  const second = await claim(other, await queued(other, id.run), claimant('gpu-2'), asFound(first));
  const { attempt, lost, artifacts, runner } = second.claim();
  assert.equal([attempt, lost, artifacts, runner], [2, 0, saved.said, 'gpu-2']);
  assert.is(shared.git('show', `${claimRef}:artifacts.json`), saved.manifest.trimEnd());
  await second.renew({ state: 'running', chunks: [chunk('three\n')] });
  const finished = await finish(second);
  assert.is(await logOf(other, finished.commit), 'one\ntwo\nthree\n');
  assert.is(finished.record.attempt, 2);
});

test('of all who want the next attempt exactly one gets it', async () => {
  const { shared, ledger, entry } = await submitted();
  const first = await claim(ledger, entry);
  await first.handBack('attempt 1 failed: exit code 3', null);
  const others = await Promise.all(['a', 'b', 'c'].map((name) => participant(shared.path, name)));
  const results = await Promise.allSettled(
    others.map((other, index) => claim(other, entry, claimant(`gpu-${index}`), asFound(first))),
  );
  assert.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('a hand-back whose push fails, or whose reply is lost, is made all the same, once', async () => {
  for (const spoil of [refuseNextPush, loseNextReply]) {
    const { shared, ledger, entry } = await submitted();
    const first = await claim(ledger, entry);
    spoil(shared);
    assert.is(await first.handBack('attempt 1 failed: exit code 3', saved), 'won');
    assert.is(shared.refs().get(claimRef), first.tip());
  }
});

test('who has lost a job hands nothing back', async () => {
  const { shared, ledger, entry } = await submitted();
  const zombie = await claim(ledger, entry);
  const second = await claim(await participant(shared.path), entry, claimant('gpu-2'), asFound(zombie));
  assert.is(await zombie.handBack('attempt 1 failed: exit code 3', saved), 'lost');
  assert.is(shared.refs().get(claimRef), second.tip());
});

test('losses and failures count to one limit, and what was saved survives the runner that is lost', async () => {
  const { shared, ledger, entry } = await submitted();
  const first = await claim(ledger, entry);
  await first.handBack('attempt 1 failed: exit code 3', saved);
  const second = await claim(ledger, entry, claimant('gpu-2'), asFound(first));
  const third = await claim(ledger, entry, claimant('gpu-3'), asFound(second));
  const { attempt, lost, artifacts } = third.claim();
  assert.equal([attempt, lost, artifacts], [3, 1, saved.said]);

  const live = await openLiveReader(ledger).look();
  const silence = watchSilence();
  const tips = new Map([...live.claims].map(([key, tip]) => [key, tip.commit]));
  silence.observe(tips, 0, 0);
  silence.observe(tips, 60, 60);
  const [action] = decide(live, silence, new Set());
  assert.ok(action?.do === 'give-up');
  assert.is(await closeJob(ledger, action, claimant('gpu-4')), 'closed');
  const record = JSON.parse(shared.git('show', 'refs/dstack/jobs/run-1/train:record.json'));
  assert.equal(
    [record.state, record.reason, record.artifacts],
    ['failed', 'runner lost 2 times, the last time gpu-3 on gpu-3.lab', saved.said],
  );
  assert.is(shared.git('show', 'refs/dstack/jobs/run-1/train:artifacts.json'), saved.manifest.trimEnd());
});

test('a runner that leaves in a later attempt gives back that one alone', async () => {
  const { shared, ledger, entry } = await submitted();
  const first = await claim(ledger, entry);
  await first.renew({ chunks: [chunk('one\n')] });
  await first.handBack('attempt 1 failed: exit code 3', saved);
  const second = await claim(ledger, entry, claimant('gpu-2'), asFound(first));
  await second.withdraw();
  assert.equal(await view(ledger), [
    'submitted',
    'given back by gpu-2 on gpu-2.lab; waits for attempt 2',
    null,
    1,
  ]);
  const again = await claim(await participant(shared.path), entry, claimant('gpu-3'), asFound(second));
  assert.equal([again.claim().attempt, again.claim().artifacts], [2, saved.said]);
  assert.is(await logOf(ledger, again.tip()), 'one\n');
});

test('what a runner had begun and gives back, saved or not, is an attempt that does not count', async () => {
  const { shared, ledger, entry } = await submitted({ limit: 0, on: [] });
  const first = await claim(ledger, entry);
  await first.renew({ state: 'running', chunks: [chunk('one\n')] });
  assert.is(await first.giveBack(saved), 'won');
  assert.equal(await view(ledger), [
    'submitted',
    'given back by gpu-1 on gpu-1.lab; waits for attempt 2',
    null,
    1,
  ]);
  assert.ok(first.claim().lease < 1, 'the next one need not wait');
  const second = await claim(await participant(shared.path), entry, claimant('gpu-2'), asFound(first));
  const { attempt, lost, givenBack, artifacts } = second.claim();
  assert.equal([attempt, lost, givenBack, artifacts], [2, 0, 1, saved.said]);
  assert.is(await second.giveBack(null), 'won');
  const third = await claim(ledger, entry, claimant('gpu-3'), asFound(second));
  assert.equal([third.claim().attempt, third.claim().givenBack], [3, 2]);
  assert.equal(third.claim().artifacts, saved.said, 'nothing new: what there was stays');
  assert.is(shared.git('show', `${claimRef}:artifacts.json`), saved.manifest.trimEnd());
  assert.is(await logOf(ledger, third.tip()), 'one\n');
});

const checkpoint = {
  manifest: '{"a later manifest":1}\n',
  said: { manifest: 'b'.repeat(64), files: 3, bytes: 12, complete: true },
  savedAt: '2026-03-01T12:00:00.000Z',
};

test('a checkpoint goes with a renewal, and is what the next attempt finds', async () => {
  const { shared, ledger, entry } = await submitted();
  const first = await claim(ledger, entry);
  await first.renew({ state: 'running' });
  assert.is(await first.renew({ kept: { ...saved, savedAt: '2026-03-01T11:00:00.000Z' } }), 'won');
  assert.is(await first.renew({ kept: checkpoint }), 'won');
  await first.renew({ chunks: [chunk('on\n')] });
  const [job] = (await openStateReader(ledger).read(id.run)).runs[0]?.jobs ?? [];
  assert.equal(job?.saved, { files: 3, bytes: 12, at: checkpoint.savedAt });
  const second = await claim(ledger, entry, claimant('gpu-2'), asFound(first));
  assert.equal(second.claim().artifacts, checkpoint.said);
  assert.is(shared.git('show', `${claimRef}:artifacts.json`), checkpoint.manifest.trimEnd());
  // What an attempt leaves at its end takes its place.
  assert.is(await second.handBack('attempt 2 failed: exit code 3', saved), 'won');
  const third = await claim(ledger, entry, claimant('gpu-3'), asFound(second));
  assert.equal([third.claim().artifacts, third.claim().savedAt], [saved.said, undefined]);
  assert.is(shared.git('show', `${claimRef}:artifacts.json`), saved.manifest.trimEnd());
});

test('a checkpoint whose renewal is not answered is not lost at the end of the attempt', async () => {
  for (const end of ['handBack', 'giveBack'] as const) {
    for (const spoil of [refuseNextPush, loseNextReply]) {
      const { shared, ledger, entry } = await submitted();
      const first = await claim(ledger, entry);
      await first.renew({ state: 'running' });
      spoil(shared);
      void first.renew({ kept: checkpoint });
      const left = end === 'handBack' ? first.handBack('exit code 3', null) : first.giveBack(null);
      assert.is(await left, 'won');
      const next = await claim(ledger, entry, claimant('gpu-2'), asFound(first));
      assert.equal(next.claim().artifacts, checkpoint.said);
      assert.is(shared.git('show', `${claimRef}:artifacts.json`), checkpoint.manifest.trimEnd());
    }
  }
});

test('who has lost a job saves no checkpoint, and gives nothing back', async () => {
  const { shared, ledger, entry } = await submitted();
  const zombie = await claim(ledger, entry);
  const second = await claim(await participant(shared.path), entry, claimant('gpu-2'), asFound(zombie));
  assert.is(await zombie.renew({ kept: checkpoint }), 'lost');
  assert.is(await zombie.giveBack(saved), 'lost');
  assert.is(shared.refs().get(claimRef), second.tip());
});

test('a stop ends a job that waits for another attempt at once, and keeps what it saved', async () => {
  for (const abort of [false, true]) {
    const { shared, ledger, entry } = await submitted();
    const first = await claim(ledger, entry);
    await first.handBack('attempt 1 failed: exit code 3', saved);
    const target = { id, queueEntry: entry.commit };
    await requestStop(ledger, [target], { abort, by: 'Ada' });
    const waits: string[] = [];
    await seeStopsThrough(
      ledger,
      [target],
      claimant('Ada'),
      async () => void waits.push('waits'),
      () => {},
    );
    assert.equal(waits, []);
    const record = JSON.parse(shared.git('show', 'refs/dstack/jobs/run-1/train:record.json'));
    assert.equal(
      [record.state, record.reason, record.artifacts],
      abort
        ? ['aborted', 'aborted by Ada; attempt 1 failed: exit code 3', null]
        : ['stopped', 'stopped by Ada; attempt 1 failed: exit code 3', saved.said],
    );
    assert.equal(
      [...shared.refs().keys()],
      ['refs/dstack/jobs/run-1/train', 'refs/dstack/runs/run-1', 'refs/notes/dstack/run-1/train'],
    );
  }
});

test.run();
