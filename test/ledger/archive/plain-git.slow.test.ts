import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fold } from '../../../src/ledger/archive/fold.ts';
import { openArchive } from '../../../src/ledger/archive/read-archive.ts';
import { updateHistory } from '../../../src/ledger/history.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openStateReader } from '../../../src/ledger/read-state.ts';
import { settle } from '../../../src/ledger/settle.ts';
import { fetchHistory } from '../../../src/ledger/sync.ts';
import {
  chunk,
  claim,
  finish,
  jobSpec,
  participant,
  queued,
  scratchShared,
  sharedAt,
  submit,
} from '../support.ts';

const all = { most: 0, rest: 0 };

async function finishedRun(ledger: Ledger, number: number, job = 'train') {
  const run = `run-${number}`;
  await submit(ledger, run, [jobSpec(job)], {
    author: { name: 'Ada', email: 'ada@example.org', time: 1_764_021_600_000 + number * 1000 },
  });
  const holder = await claim(ledger, await queued(ledger, run, job));
  await holder.renew({ state: 'running', chunks: [chunk(`output of ${run}\n`)] });
  await settle(ledger, [await finish(holder)]);
}

async function update(ledger: Ledger): Promise<number> {
  await fetchHistory(ledger);
  const { runs } = await openStateReader(ledger).readLive();
  const archive = openArchive(ledger.shared, ledger.names);
  const { local } = ledger.shared;
  return updateHistory(local, 'refs/dstack', runs, [{ archive, tips: await archive.tips() }]);
}

/** A clone's repository, and what plain Git says there. */
async function cloneOf(path: string) {
  const ledger = await participant(path, 'clone');
  const own = sharedAt(ledger.shared.local.gitDir);
  const log = () =>
    own
      .git('log', '--format=%s', 'refs/dstack/runs')
      .split('\n')
      .map((line) => line.split(' ')[0]);
  return { ledger, own, log };
}

test('git log shows archived runs below the others, and each folding is read once', async () => {
  const shared = await scratchShared();
  const { ledger, own, log } = await cloneOf(shared.path);
  for (const number of [1, 2, 3]) await finishedRun(ledger, number);
  await update(ledger);
  assert.equal(log(), ['run-3', 'run-2', 'run-1']);
  await fold(ledger, { most: 1, rest: 3 });
  await update(ledger);
  assert.equal(log(), ['run-3', 'run-2', 'run-1']);
  assert.is(await update(ledger), 0);
  await finishedRun(ledger, 4);
  assert.is(await update(ledger), 1);
  const archived = own.git('rev-parse', 'refs/dstack/runs~2');
  await fold(ledger, all);
  await finishedRun(ledger, 5);
  // What was archived before, and what looks the same, is not written again.
  assert.is(await update(ledger), 2);
  assert.equal(log(), ['run-5', 'run-4', 'run-3', 'run-2', 'run-1']);
  assert.is(own.git('rev-parse', 'refs/dstack/runs~3'), archived);
  // Another clone comes to the same.
  const second = await cloneOf(shared.path);
  await update(second.ledger);
  assert.equal(second.log(), log());
});

test("one's own ref of an archived run goes once that run's ref has gone there", async () => {
  const shared = await scratchShared();
  const { ledger, own } = await cloneOf(shared.path);
  await finishedRun(ledger, 1);
  await finishedRun(ledger, 2);
  await fetchHistory(ledger);
  const late = shared.git('rev-parse', 'refs/dstack/runs/run-1');
  await fold(ledger, all);
  // A push that came a second time, late, has created it again: it would only be fetched each time.
  shared.git('update-ref', 'refs/dstack/runs/run-1', late);
  await fetchHistory(ledger);
  const refs = () => [...own.refs().keys()].filter((ref) => /run-/.test(ref));
  assert.ok(refs().includes('refs/dstack/runs/run-1'));
  assert.not(refs().some((ref) => ref.includes('run-2')));
  shared.git('update-ref', '-d', 'refs/dstack/runs/run-1');
  await fetchHistory(ledger);
  assert.equal(refs(), []);
});

test('to fetch what is new the other side is not told of what keeps archived runs', async () => {
  const shared = await scratchShared();
  const writer = await participant(shared.path, 'writer');
  const { ledger, own, log } = await cloneOf(shared.path);
  for (const number of [1, 2, 3]) await finishedRun(writer, number);
  await fold(writer, { most: 1, rest: 3 });
  await update(ledger);
  const archive = () => own.git('for-each-ref', '--format=%(objectname)', 'refs/dstack/archive').split('\n');
  const toldOf = async (): Promise<Set<string>> => {
    const trace = path.join(own.path, 'packets');
    rmSync(trace, { force: true });
    process.env.GIT_TRACE_PACKET = trace;
    await update(ledger).finally(() => {
      delete process.env.GIT_TRACE_PACKET;
    });
    const packets = readFileSync(trace, 'latin1');
    return new Set([...packets.matchAll(/> have ([0-9a-f]+)/g)].map((match) => match[1] as string));
  };
  await finishedRun(writer, 4);
  const had = own.git('rev-parse', 'refs/dstack/runs/run-3');
  const told = await toldOf();
  assert.ok(told.has(had));
  assert.not(archive().some((id) => told.has(id)));
  // Of what has grown it is, so that only the rest of it comes.
  const before = archive();
  await fold(writer, { most: 1, rest: 3 });
  const again = await toldOf();
  assert.ok(before.every((id) => again.has(id)));
  assert.equal(log(), ['run-4', 'run-3', 'run-2', 'run-1']);
});

test('what keeps runs is as old as they are, whenever it is written', async () => {
  const shared = await scratchShared();
  const { ledger } = await cloneOf(shared.path);
  await finishedRun(ledger, 1);
  const year = 365 * 24 * 3_600_000;
  const clock = { ...ledger.clock, now: () => Date.now() + year };
  await fold({ ...ledger, clock }, all);
  const dates = shared
    .git('log', '--no-walk', '--glob=refs/dstack/archive/keep/*', '--format=%ct')
    .split('\n');
  assert.is(dates.length, 1);
  assert.ok(Math.abs(Number(dates[0]) - Date.now() / 1000) < year / 2000, dates[0]);
});

test('where the archive is another one, the history is made anew', async () => {
  const shared = await scratchShared();
  const { ledger, log, own } = await cloneOf(shared.path);
  await finishedRun(ledger, 1);
  await fold(ledger, all);
  await update(ledger);
  const [index] = own.git('for-each-ref', '--format=%(objectname)', 'refs/dstack/archive/index').split('\n');
  const another = own.git('commit-tree', '-m', 'another', `${index}^{tree}`);
  const [ref] = [...shared.refs().keys()].filter((name) => name.includes('/archive/index/'));
  own.git('push', '--quiet', '--force', shared.path, `${another}:${ref}`);
  await finishedRun(ledger, 2);
  await update(ledger);
  assert.equal(log(), ['run-2', 'run-1']);
  assert.match(own.git('log', '--format=%B', 'refs/dstack/runs'), new RegExp(`Dstack-Archive: ${another}`));
});

test('a clone has the snapshots and logs of archived runs, without refs of their own', async () => {
  const shared = await scratchShared();
  const { ledger, own } = await cloneOf(shared.path);
  await finishedRun(ledger, 1);
  await finishedRun(ledger, 2);
  await update(ledger);
  assert.ok(own.refs().has('refs/dstack/runs/run-1'));
  const run = own.git('rev-parse', 'refs/dstack/runs/run-1');
  const logs = (args: string[] = []) => own.git('log', '-1', '--notes=dstack/*', '--format=%N', ...args, run);
  assert.match(logs(), /output of run-1/);
  await fold(ledger, { most: 1, rest: 3 });
  await update(ledger);
  assert.not(own.refs().has('refs/dstack/runs/run-1'));
  assert.not(own.refs().has('refs/notes/dstack/run-1/train'));
  assert.ok(own.refs().has('refs/dstack/runs/run-2'));
  own.git('gc', '--quiet', '--prune=now');
  assert.match(logs(), /output of run-1/);
  own.git('fsck', '--full');
});

test.run();
