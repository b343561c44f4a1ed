import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/ledger/decide.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import type { Outcome } from '../../src/ledger/records.ts';
import { type Finished, settle } from '../../src/ledger/settle.ts';
import { watchSilence } from '../../src/ledger/silence.ts';
import { requestStop } from '../../src/ledger/stop.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import {
  chunk,
  claim,
  dependsOn,
  done,
  finish,
  jobSpec,
  loseNextReply,
  participant,
  queued,
  type Shared,
  scratchLedger,
  submit,
} from './support.ts';

const id = { run: 'run-1', job: 'train' };
const refs = {
  claim: 'refs/dstack/claims/run-1/train',
  queue: 'refs/dstack/queue/run-1/train',
  stop: 'refs/dstack/stops/run-1/train',
  job: 'refs/dstack/jobs/run-1/train',
  note: 'refs/notes/dstack/run-1/train',
  run: 'refs/dstack/runs/run-1',
};

/** A job that has just finished, with a stop that came too late; nothing is settled. */
async function finishedJob(): Promise<{ shared: Shared; ledger: Ledger; finished: Finished }> {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, id.run);
  const entry = await queued(ledger, id.run);
  const holder = await claim(ledger, entry);
  await holder.renew({ chunks: [chunk('hello\n')] });
  const finished = await finish(holder);
  await requestStop(ledger, [{ id, queueEntry: entry.commit }], { abort: false, by: 'Ada' });
  return { shared, ledger, finished };
}

function assertSettled(shared: Shared, finished: Finished): void {
  const now = shared.refs();
  assert.equal([...now.keys()], [refs.job, refs.run, refs.note]);
  assert.is(now.get(refs.job), finished.commit);
  assert.is(shared.git('notes', `--ref=${refs.note}`, 'show', refs.run), 'train (done)\n\nhello');
}

test('a finished job comes to rest, and settling it again changes nothing', async () => {
  const { shared, ledger, finished } = await finishedJob();
  assert.ok(await settle(ledger, [finished]));
  assertSettled(shared, finished);
  const before = shared.refs();
  assert.ok(await settle(await participant(shared.path), [finished]));
  assert.equal(shared.refs(), before);
});

test('from whatever a crash left of it, settling is completed', async () => {
  const { shared, finished } = await finishedJob();
  const start = shared.refs();
  await settle(await participant(shared.path), [finished]);
  const end = shared.refs();
  const other = await participant(shared.path);
  // Each subset of the first push; the claim goes only after it.
  const steps = [refs.job, refs.note, refs.queue, refs.stop];
  for (let subset = 0; subset < 2 ** steps.length; subset += 1) {
    const commands = [...new Set([...start.keys(), ...end.keys()])].map((ref) => {
      const applied = steps.includes(ref) && subset & (1 << steps.indexOf(ref));
      const to = (applied ? end : start).get(ref);
      return to ? ['update-ref', ref, to] : ['update-ref', '-d', ref];
    });
    for (const command of commands) shared.git(...command);
    // Whoever looks finds it.
    const live = await openLiveReader(other).look();
    const [action] = decide(live, watchSilence(), new Set());
    if (action?.do !== 'settle') throw new Error(`subset ${subset}: ${action?.do}`);
    assert.ok(await settle(other, [action]), `subset ${subset}`);
    assert.equal(shared.refs(), end, `subset ${subset}`);
  }
});

test('a queue entry that was left beside a record is removed, whatever object it is', async () => {
  const { shared, ledger, finished } = await finishedJob();
  await settle(ledger, [finished]);
  const before = shared.refs();
  shared.git('update-ref', refs.queue, finished.record.runCommit);
  assert.ok(await settle(ledger, [finished]));
  assert.equal(shared.refs(), before);
});

test('a lease and a stop that came after the end are removed', async () => {
  const { shared, ledger, finished } = await finishedJob();
  const late = { [refs.claim]: `${finished.commit}^`, [refs.stop]: shared.refs().get(refs.stop) as string };
  await settle(ledger, [finished]);
  const end = shared.refs();
  const other = await participant(shared.path);
  for (const left of [[refs.claim], [refs.stop], [refs.claim, refs.stop]]) {
    for (const ref of left) shared.git('update-ref', ref, late[ref] as string);
    const live = await openLiveReader(other).look();
    const actions = decide(live, watchSilence(), new Set());
    assert.equal(
      actions.map((action) => [action.do, 'id' in action && action.id.job]),
      [['settle', id.job]],
    );
    assert.ok(await settle(other, [finished]));
    assert.equal(shared.refs(), end);
  }
});

test('the claim stays while the queue entry can not be removed', async () => {
  const { shared, ledger, finished } = await finishedJob();
  shared.hook(
    'update',
    `[ "$1" = ${refs.queue} ] && [ "$3" = 0000000000000000000000000000000000000000 ] && exit 1; exit 0`,
  );
  assert.is(await settle(ledger, [finished]), false);
  assert.is(shared.refs().get(refs.claim), finished.commit);
  assert.is(shared.refs().get(refs.job), finished.commit);
  shared.hook('update', 'exit 0');
  assert.ok(await settle(ledger, [finished]));
  assertSettled(shared, finished);
});

test('a note that can never be written holds up nothing else', async () => {
  const { shared, ledger, finished } = await finishedJob();
  shared.git('update-ref', 'refs/notes/dstack', finished.commit);
  assert.is(await settle(ledger, [finished]), false);
  assert.equal([...shared.refs().keys()], [refs.job, refs.run, 'refs/notes/dstack']);
});

test('settling goes on after an answer that was lost', async () => {
  const { shared, ledger, finished } = await finishedJob();
  loseNextReply(shared);
  assert.ok(await settle(ledger, [finished]));
  assert.is(shared.marked('lose-reply'), false);
  assertSettled(shared, finished);
});

test('several that settle the same at once bring it to the same end', async () => {
  const { shared, finished } = await finishedJob();
  const others = await Promise.all([1, 2, 3].map(() => participant(shared.path)));
  await Promise.all(others.map((other) => settle(other, [finished])));
  await settle(others[0] as Ledger, [finished]);
  assertSettled(shared, finished);
});

test('an outcome that rests already is never replaced', async () => {
  const { shared, ledger, finished } = await finishedJob();
  await settle(ledger, [finished]);
  const other = await participant(shared.path);
  const forged = { ...finished, commit: finished.record.runCommit };
  await settle(other, [forged]);
  assert.is(shared.refs().get(refs.job), finished.commit);
});

test('jobs of several runs are settled together', async () => {
  const { shared, ledger } = await scratchLedger();
  const all: Finished[] = [];
  for (const run of ['run-1', 'run-2']) {
    await submit(ledger, run, [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))]);
    for (const job of ['prepare', 'train'])
      all.push(await finish(await claim(ledger, await queued(ledger, run, job))));
  }
  assert.ok(await settle(ledger, all));
  const state = await openStateReader(ledger).read();
  assert.equal(
    state.runs.map((run) => [run.name, run.state, run.jobs.length]),
    [
      ['run-2', 'done', 2],
      ['run-1', 'done', 2],
    ],
  );
  assert.is(shared.git('for-each-ref', 'refs/dstack/claims', 'refs/dstack/queue'), '');
  const notes = shared.git('log', '--notes=dstack/*', '-1', refs.run);
  assert.match(notes, /prepare \(done\)[\s\S]*train \(done\)/);
});

test('the cache points at what was done last with a key, before the claim goes', async () => {
  const { shared, ledger } = await scratchLedger();
  const cacheKey = 'e'.repeat(64);
  const cached = () => shared.refs().get(`refs/dstack/cache/${cacheKey}`);
  const ended = async (run: string, outcome: Outcome) => {
    await submit(ledger, run, [], { jobs: [{ spec: jobSpec('train'), cacheKey, useCache: true }] });
    return finish(await claim(ledger, await queued(ledger, run)), outcome);
  };
  const failed = await ended('run-1', { state: 'failed', reason: 'exit code 1' });
  await settle(ledger, [failed]);
  assert.is(cached(), undefined);
  const first = await ended('run-2', done);
  shared.hook('update', 'case $1 in refs/dstack/claims/*) exit 1;; esac');
  await settle(ledger, [first]);
  assert.is(cached(), first.commit);
  rmSync(join(shared.path, 'hooks', 'update'));
  await settle(ledger, [first]);
  const second = await ended('run-3', done);
  await settle(ledger, [second]);
  assert.is(cached(), second.commit);
  // What has been settled long ago is not news.
  await settle(ledger, [first]);
  assert.is(cached(), second.commit);
});

test('of a run with very many jobs only the refs of those that are settled are read', async () => {
  const { shared, ledger } = await scratchLedger();
  const others = Array.from({ length: 150 }, (_, index) => jobSpec(`other-${index}`));
  await submit(ledger, id.run, [...others, jobSpec('train')]);
  const finished = await finish(await claim(ledger, await queued(ledger, id.run)));
  const trace = join(scratchFolder(), 'trace');
  process.env.GIT_TRACE2_EVENT = trace;
  try {
    assert.ok(await settle(ledger, [finished]));
  } finally {
    delete process.env.GIT_TRACE2_EVENT;
  }
  // Very many are listed by Git.
  assert.not.match(existsSync(trace) ? readFileSync(trace, 'utf8') : '', 'for-each-ref');
  assert.is(shared.refs().get(refs.job), finished.commit);
  assert.is([...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/queue/')).length, 150);
});

test.run();
