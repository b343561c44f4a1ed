import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fold } from '../../../src/ledger/archive/fold.ts';
import { readCache } from '../../../src/ledger/cache-entries.ts';
import { findRun, readForNames } from '../../../src/ledger/find-run.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { readClaimTip } from '../../../src/ledger/live.ts';
import { prepareRun } from '../../../src/ledger/prepare-run.ts';
import { openStateReader } from '../../../src/ledger/read-state.ts';
import { readOutcomes } from '../../../src/ledger/runs.ts';
import { settle } from '../../../src/ledger/settle.ts';
import { submitRun } from '../../../src/ledger/submit.ts';
import {
  claim,
  finish,
  jobSpec,
  participant,
  queued,
  runRequest,
  scratchLedger,
  scratchShared,
  sharedAt,
  submit,
} from '../support.ts';
import { finishedRun, key } from './finished-run.ts';

const all = { most: 0, rest: 0 };

test('archived runs have no refs of their own, and are found as before', async () => {
  const { shared, ledger } = await scratchLedger();
  for (const run of ['run-1', 'run-2', 'other-3']) await finishedRun(ledger, run, ['prepare', 'train']);
  const reader = openStateReader(ledger);
  const before = await reader.readAll();
  const outcomes = await readOutcomes(ledger, [{ run: 'run-1', job: 'train' }]);
  assert.is(await fold(ledger, all), 3);
  const refs = [...shared.refs().keys()];
  assert.is(refs.length, 2, refs.join('\n'));
  assert.ok(refs.every((ref) => ref.startsWith('refs/dstack/archive/')));
  assert.equal(await reader.readAll(), before);
  assert.equal((await reader.read()).runs, before.runs);
  assert.equal((await reader.read('run-2')).runs, [before.runs.find(({ name }) => name === 'run-2')]);
  assert.is((await reader.read('run-4')).runs.length, 0);
  assert.equal(await readOutcomes(ledger, [{ run: 'run-1', job: 'train' }]), outcomes);
  assert.is((await readCache(ledger, [key('run-1')])).get(key('run-1'))?.id.run, 'run-1');
  const named = await readForNames(ledger, ['oth'], new Map());
  assert.is(findRun(named, 'oth').run.name, 'other-3');
  // Nothing of it can be lost.
  shared.git('gc', '--quiet', '--prune=now');
  for (const { commit, jobs } of before.runs) {
    shared.git('cat-file', '-e', `${commit}^{tree}`);
    for (const job of jobs) shared.git('cat-file', '-e', `${job.commit}:record.json`);
  }
});

test('of archived runs the newest so many are read, and no folding before those', async () => {
  const { ledger } = await scratchLedger();
  for (const run of ['run-1', 'run-2', 'run-3', 'run-4']) {
    await finishedRun(ledger, run, ['train']);
    await fold(ledger, all);
  }
  const reads: string[] = [];
  const read = (name: string) => {
    reads.push(name);
    return ledger.shared.read(name);
  };
  const reader = openStateReader({ ...ledger, shared: { ...ledger.shared, read } });
  const newest = async (count: number) => {
    const { runs, archived } = await reader.readNewest(count);
    return [runs.map(({ name }) => name).sort(), archived];
  };
  assert.equal(await newest(2), [['run-3', 'run-4'], 2]);
  assert.not.ok(reads.some((name) => /run-[12]/.test(name)));
  assert.equal(await newest(3), [['run-2', 'run-3', 'run-4'], 1]);
  assert.equal(await newest(100), [['run-1', 'run-2', 'run-3', 'run-4'], 0]);
});

test('the name of an archived run is taken', async () => {
  const { shared, ledger } = await scratchLedger();
  await finishedRun(ledger, 'run-1');
  await fold(ledger, all);
  const prepared = await prepareRun(ledger, runRequest(ledger, 'run-1', [jobSpec('other')]));
  assert.is(await submitRun(ledger, prepared), 'taken');
  assert.is(shared.refs().size, 2);
});

test('only runs at rest go, the oldest first, and no more than are too many', async () => {
  const { shared, ledger } = await scratchLedger();
  await submit(ledger, 'run-0');
  for (let number = 1; number <= 6; number += 1) {
    const run = `run-${number}`;
    await submit(ledger, run, [jobSpec('train')], {
      author: { name: 'Ada', email: 'a@b.c', time: 1_764_021_600_000 + number * 1000 },
    });
    await settle(ledger, [await finish(await claim(ledger, await queued(ledger, run)))]);
  }
  assert.is(await fold(ledger, { most: 19, rest: 3 }), 0);
  // Each of them has a ref, one of its job, and a note.
  assert.is(await fold(ledger, { most: 18, rest: 10 }), 3);
  const runs = [...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/runs/'));
  assert.equal(
    runs,
    ['run-0', 'run-4', 'run-5', 'run-6'].map((run) => `refs/dstack/runs/${run}`),
  );
  assert.ok(shared.refs().has('refs/dstack/queue/run-0/train'));
});

test('a folding that was cut off anywhere is completed by the next one, whoever does it', async () => {
  for (const failing of [1, 2, 3, 4]) {
    const { shared, ledger } = await scratchLedger();
    await finishedRun(ledger, 'run-1', ['prepare', 'train']);
    await finishedRun(ledger, 'run-2');
    const before = await openStateReader(ledger).readAll();
    let pushes = 0;
    const cut: Ledger = {
      ...ledger,
      shared: {
        ...ledger.shared,
        async push(updates, options) {
          pushes += 1;
          if (pushes < failing) return ledger.shared.push(updates, options);
          if (pushes === failing) {
            // Some of it was done.
            if (updates.length > 1) await ledger.shared.push(updates.slice(1), options);
            throw new Error('cut off');
          }
          throw new Error('cut off');
        },
      },
    };
    await fold(cut, all).catch(() => {});
    assert.equal(await openStateReader(ledger).readAll(), before, `after push ${failing}`);
    const other = await participant(shared.path, 'other');
    await fold(other, all);
    assert.is(shared.refs().size, 2);
    assert.equal(await openStateReader(other).readAll(), before);
  }
});

test('several who fold at once lose nothing', async () => {
  const shared = await scratchShared();
  const ledgers = await Promise.all(['a', 'b', 'c'].map((who) => participant(shared.path, who)));
  const [first] = ledgers as [Ledger];
  for (let number = 1; number <= 5; number += 1) await finishedRun(first, `run-${number}`);
  const before = await openStateReader(first).readAll();
  await Promise.all(ledgers.map((ledger) => fold(ledger, all)));
  assert.equal(await openStateReader(first).readAll(), before);
  await fold(first, all);
  assert.equal(await openStateReader(first).readAll(), before);
  assert.is(shared.refs().size, 2);
});

test('elsewhere an archived run is fetched when it is asked for', async () => {
  const shared = await scratchShared();
  const near = await participant(shared.path);
  await finishedRun(near, 'run-1');
  await fold(near, all);
  shared.git('config', 'uploadpack.allowAnySHA1InWant', 'true');
  const far = await participant(`file://${shared.path}`);
  const [run] = (await openStateReader(far).read('run-1')).runs;
  assert.is(run?.state, 'done');
  const own = sharedAt(far.shared.local.gitDir);
  const commit = run?.jobs[0]?.commit as string;
  assert.throws(() => own.git('cat-file', '-e', commit));
  assert.is((await readOutcomes(far, [{ run: 'run-1', job: 'train' }])).get('run-1/train')?.commit, commit);
  assert.is((await readClaimTip(far, commit)).kind, 'finished');
  await finishedRun(far, 'run-2');
  assert.is(await fold(far, all), 1);
  assert.is((await openStateReader(near).readAll()).runs.length, 2);
});

test.run();
