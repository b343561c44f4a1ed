import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClaimHolder } from '../../src/ledger/claim-holder.ts';
import { acquireClaim } from '../../src/ledger/claims.ts';
import { closeJob } from '../../src/ledger/close-job.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { readClaimTip } from '../../src/ledger/live.ts';
import { listChunks, readLog } from '../../src/ledger/log-chunks.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import { settle } from '../../src/ledger/settle.ts';
import { requestStop } from '../../src/ledger/stop.ts';
import {
  chunk,
  claim,
  claimant,
  done,
  finish,
  loseNextReply,
  participant,
  queued,
  refuseNextPush,
  type Shared,
  scratchLedger,
  submit,
} from './support.ts';

const id = { run: 'run-1', job: 'train' };
const claimRef = 'refs/dstack/claims/run-1/train';

async function submitted() {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, id.run);
  return { shared, ledger, entry: await queued(ledger, id.run) };
}

async function logOf(ledger: Ledger, commit: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of readLog(ledger.shared, commit, 0, null)) pieces.push(bytes);
  return Buffer.concat(pieces).toString();
}

function subjects(shared: Shared, commit = claimRef): string[] {
  return shared.git('log', '--format=%s', commit).split('\n');
}

/** What somebody else needs to take a claim over. */
function asFound(holder: ClaimHolder) {
  return { commit: holder.tip(), claim: holder.claim() };
}

test('a claim names its owner, its lease and the queue object', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry, claimant('gpu-1', 45));
  assert.is(shared.refs().get(claimRef), holder.tip());
  const file = JSON.parse(shared.git('show', `${claimRef}:claim.json`));
  assert.is(file.runner, 'gpu-1');
  assert.is(file.lease, 45);
  assert.is(file.queue, entry.commit);
  assert.is(file.attempt, 1);
  assert.is(file.state, 'claimed');
});

test('who comes after another has claimed sees that where it costs a file, and pushes nothing', async () => {
  const { shared, ledger, entry } = await submitted();
  const other = await participant(shared.path);
  const pushed: string[] = [];
  const { push } = ledger.shared;
  ledger.shared.push = (updates, options) => {
    pushed.push(...updates.map(({ ref }) => ref));
    return push(updates, options);
  };
  const first = await claim(other, entry);
  assert.equal(await acquireClaim(ledger, entry, claimant('late'), null), { result: 'lost' });
  assert.equal(pushed, []);
  // What is to be replaced is in nobody's way.
  const taken = await acquireClaim(ledger, entry, claimant('late'), asFound(first));
  assert.is(taken.result, 'won');
  assert.ok(pushed.includes(claimRef));
});

test('a job that has ended in between is given back at once', async () => {
  const { shared, ledger, entry } = await submitted();
  const other = await participant(shared.path);
  const finished = await finish(await claim(other, entry));
  await settle(other, [finished]);
  assert.is((await acquireClaim(ledger, entry, claimant('gpu-2'), null)).result, 'lost');
  assert.not(shared.refs().has(claimRef));
});

test('a job with a record is given back, even if a crash left it in the queue', async () => {
  const { shared, ledger, entry } = await submitted();
  const finished = await finish(await claim(ledger, entry));
  shared.git('update-ref', 'refs/dstack/jobs/run-1/train', finished.commit);
  shared.git('update-ref', '-d', claimRef);
  assert.is((await acquireClaim(ledger, entry, claimant('gpu-2'), null)).result, 'lost');
  assert.not(shared.refs().has(claimRef));
});

test('a job that somebody wants to end is not begun, but can be claimed to end it', async () => {
  const { shared, ledger, entry } = await submitted();
  await requestStop(ledger, [{ id, queueEntry: entry.commit }], { abort: false, by: 'Ada' });
  assert.is((await acquireClaim(ledger, entry, claimant(), null)).result, 'lost');
  assert.not(shared.refs().has(claimRef));
  assert.is((await acquireClaim(ledger, entry, claimant(), null, true)).result, 'won');
});

test('a stop request for another queue object holds up nothing', async () => {
  const { ledger, entry } = await submitted();
  await requestStop(ledger, [{ id, queueEntry: 'f'.repeat(40) }], { abort: false, by: 'Ada' });
  assert.is((await acquireClaim(ledger, entry, claimant(), null)).result, 'won');
});

test('a renewal takes the place of the tip, a new state adds a commit', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  const first = holder.tip();
  assert.is(await holder.renew(), 'won');
  assert.is.not(holder.tip(), first);
  assert.equal(subjects(shared), ['claimed: train by gpu-1']);
  assert.is(await holder.renew({ state: 'running', startedAt: '2026-03-01T12:00:00.000Z' }), 'won');
  for (let count = 0; count < 3; count += 1) assert.is(await holder.renew(), 'won');
  assert.equal(subjects(shared), ['running: train by gpu-1', 'claimed: train by gpu-1']);
  assert.is(holder.claim().startedAt, '2026-03-01T12:00:00.000Z');
  await finish(holder);
  assert.equal(subjects(shared), ['done: train', 'running: train by gpu-1', 'claimed: train by gpu-1']);
});

test('the lease counts from the start of the last swap that was acknowledged', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  const before = holder.acknowledgedAt();
  shared.hook('pre-receive', 'exit 1');
  assert.is(await holder.renew(), 'unknown');
  assert.is(holder.acknowledgedAt(), before);
  shared.hook('pre-receive', 'exit 0');
  assert.is(await holder.renew(), 'won');
  assert.ok(holder.acknowledgedAt() >= before);
});

test('log chunks are numbered in order; a renewal that failed keeps its changes for the next', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  assert.is(await holder.renew({ chunks: [chunk('one\n')] }), 'won');
  shared.hook('pre-receive', 'exit 1');
  assert.is(await holder.renew({ state: 'running', chunks: [chunk('two\n')] }), 'unknown');
  assert.is(holder.claim().state, 'claimed');
  assert.is(await logOf(ledger, holder.tip()), 'one\n');
  shared.hook('pre-receive', 'exit 0');
  assert.is(await holder.renew({ chunks: [chunk('three\n')] }), 'won');
  assert.is(holder.claim().state, 'running');
  assert.is(await logOf(ledger, holder.tip()), 'one\ntwo\nthree\n');
  const numbers = (await listChunks(ledger.shared, holder.tip())).map(({ number }) => number);
  assert.equal(numbers, [0, 1, 2]);
  assert.equal(subjects(shared), ['running: train by gpu-1', 'claimed: train by gpu-1']);
});

test('a renewal that was applied without an answer is won, and its chunk is there once', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  loseNextReply(shared);
  assert.is(await holder.renew({ chunks: [chunk('one\n')] }), 'won');
  assert.is(shared.marked('lose-reply'), false);
  assert.is(await holder.renew({ chunks: [chunk('two\n')] }), 'won');
  assert.is(await logOf(ledger, holder.tip()), 'one\ntwo\n');
});

test('changes that come while a renewal is on its way go together in the next', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  shared.hook('post-receive', 'echo push >>pushes');
  const texts = ['1\n', '2\n', '3\n', '4\n', '5\n'];
  const results = await Promise.all(texts.map((text) => holder.renew({ chunks: [chunk(text)] })));
  assert.ok(results.every((result) => result === 'won'));
  assert.is(await logOf(ledger, holder.tip()), texts.join(''));
  assert.is(readFileSync(join(shared.path, 'pushes'), 'utf8'), 'push\n');
  const numbers = (await listChunks(ledger.shared, holder.tip())).map(({ number }) => number);
  assert.equal(numbers, [0, 1, 2, 3, 4]);
});

test('the end takes along what was still waiting to be sent', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  shared.hook('pre-receive', 'exit 1');
  const startedAt = '2026-03-01T12:00:00.000Z';
  assert.is(await holder.renew({ startedAt, chunks: [chunk('late\n')] }), 'unknown');
  shared.hook('pre-receive', 'exit 0');
  const finished = await finish(holder);
  assert.is(finished.record.startedAt, startedAt);
  assert.is(await logOf(ledger, finished.commit), 'late\n');
  assert.is(await holder.renew({ chunks: [chunk('never\n')] }), 'won');
  assert.is(shared.refs().get(claimRef), finished.commit);
});

test('a finished claim holds the job, the record, the manifest, the log', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  await holder.renew({ chunks: [chunk('hello\n')] });
  const finished = await holder.finish((file) => makeRecord(entry, file, done, new Date().toISOString()), {
    artifacts: '{"format":1,"entries":[]}\n',
    logTail: Buffer.from('tail\n'),
  });
  assert.is(finished.result, 'won');
  const names = shared.git('ls-tree', '--name-only', claimRef).split('\n');
  assert.equal(names, ['artifacts.json', 'job.json', 'log-tail', 'log', 'record.json']);
  assert.is(shared.git('rev-parse', `${claimRef}:job.json`), entry.blob);
});

test('a finish that was applied without an answer is won', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  loseNextReply(shared);
  const finished = await finish(holder);
  assert.is(shared.marked('lose-reply'), false);
  assert.is(shared.refs().get(claimRef), finished.commit);
});

test('a finish whose answer was lost is won even if another has settled it before a second look', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  // The other: as soon as the claim is finished, all of its settling is there, and no answer is given.
  shared.hook(
    'reference-transaction',
    `[ "$1" = committed ] || exit 0
read -r _ new ref
[ "$ref" = ${claimRef} ] && rm settle 2>/dev/null || exit 0
git update-ref refs/dstack/jobs/run-1/train "$new"
git update-ref -d refs/dstack/queue/run-1/train
git update-ref -d ${claimRef}
kill -9 $PPID`,
  );
  shared.mark('settle');
  const finished = await finish(holder);
  assert.is(shared.marked('settle'), false);
  assert.is(shared.refs().get('refs/dstack/jobs/run-1/train'), finished.commit);
});

test('a finish that fails without being applied is tried until told to give up', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  refuseNextPush(shared);
  await finish(holder);
  assert.is(shared.marked('refuse'), false);
});

test('a takeover goes on with the log and the count of attempts', async () => {
  const { shared, ledger, entry } = await submitted();
  const dead = await claim(ledger, entry, claimant('gpu-1'));
  await dead.renew({ state: 'running', chunks: [chunk('one\n'), chunk('two\n')] });
  const other = await participant(shared.path);
  const holder = await claim(other, entry, claimant('gpu-2'), asFound(dead));
  assert.is(holder.claim().attempt, 2);
  assert.is(holder.claim().runner, 'gpu-2');
  assert.is(holder.claim().state, 'claimed');
  await holder.renew({ chunks: [chunk('three\n')] });
  assert.is(await logOf(other, holder.tip()), 'one\ntwo\nthree\n');
  assert.is(subjects(shared)[0], 'claimed: train by gpu-2 (attempt 2)');
  assert.is(subjects(shared).length, 3);
  const finished = await finish(holder);
  assert.is(await logOf(other, finished.commit), 'one\ntwo\nthree\n');
  assert.is(finished.record.attempt, 2);
});

test('a zombie can neither renew nor finish, and publishes nothing', async () => {
  const { shared, ledger, entry } = await submitted();
  const zombie = await claim(ledger, entry, claimant('gpu-1'));
  await zombie.renew({ chunks: [chunk('begun\n')] });
  const other = await participant(shared.path);
  const holder = await claim(other, entry, claimant('gpu-2'), asFound(zombie));
  const before = shared.refs();
  assert.is(await zombie.renew({ chunks: [chunk('from the grave\n')] }), 'lost');
  const finished = await zombie.finish((file) => makeRecord(entry, file, done, new Date().toISOString()), {
    artifacts: null,
    logTail: null,
  });
  assert.equal(finished, { result: 'lost' });
  await zombie.withdraw();
  assert.equal(shared.refs(), before);
  assert.is(await holder.renew(), 'won');
  await settle(other, [await finish(holder)]);
  const late = await zombie.finish(
    (file) => makeRecord(entry, file, { ...done, state: 'failed' }, new Date().toISOString()),
    {
      artifacts: null,
      logTail: null,
    },
  );
  assert.equal(late, { result: 'lost' });
  assert.not(shared.refs().has(claimRef));
});

test('of two that take over at once one wins', async () => {
  const { shared, ledger, entry } = await submitted();
  const dead = await claim(ledger, entry);
  const others = await Promise.all(['gpu-2', 'gpu-3'].map((name) => participant(shared.path, name)));
  const results = await Promise.all(
    others.map((other, index) => acquireClaim(other, entry, claimant(`gpu-${index + 2}`), asFound(dead))),
  );
  assert.equal(results.map(({ result }) => result).sort(), ['lost', 'won']);
});

test('a withdrawn job can be claimed again', async () => {
  const { shared, ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  await holder.renew();
  await holder.withdraw();
  assert.not(shared.refs().has(claimRef));
  const again = await claim(await participant(shared.path), entry, claimant('gpu-2'));
  assert.is(again.claim().attempt, 1);
});

test('a detail of any length leaves the claim readable', async () => {
  const { ledger, entry } = await submitted();
  const holder = await claim(ledger, entry);
  assert.is(await holder.renew({ detail: 'x'.repeat(100_000) }), 'won');
  const tip = await readClaimTip(ledger, holder.tip());
  assert.is(tip.kind, 'claim');
});

test('a job given up on keeps the log of its lost runner', async () => {
  const { shared, ledger, entry } = await submitted();
  const dead = await claim(ledger, entry);
  await dead.renew({ chunks: [chunk('last words\n')] });
  const over = asFound(dead);
  const action = {
    do: 'give-up' as const,
    entry,
    over: { ...over, claim: { ...over.claim, attempt: 3, lost: 2 } },
  };
  assert.is(await closeJob(await participant(shared.path), action, claimant('gpu-2')), 'closed');
  const record = JSON.parse(shared.git('show', 'refs/dstack/jobs/run-1/train:record.json'));
  assert.is(record.state, 'failed');
  assert.is(record.reason, 'runner lost 3 times, the last time gpu-1 on gpu-1.lab');
  assert.is(record.log.bytes, 'last words\n'.length);
  assert.is(record.log.sha256, createHash('sha256').update('last words\n').digest('hex'));
  assert.match(shared.git('log', '--notes=dstack/*', '-1', 'refs/dstack/runs/run-1'), /last words/);
  assert.equal(
    [...shared.refs().keys()],
    ['refs/dstack/jobs/run-1/train', 'refs/dstack/runs/run-1', 'refs/notes/dstack/run-1/train'],
  );
});

test.run();
