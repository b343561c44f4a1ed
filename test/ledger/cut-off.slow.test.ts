// Pushes that are cut off after each of their ref updates, on a host that can't carry them out all or nothing; then
// somebody else comes. `update` is called before each update in turn, so killing its receive-pack leaves what came before.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/ledger/decide.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { type PreparedRun, prepareRun } from '../../src/ledger/prepare-run.ts';
import { openStateReader } from '../../src/ledger/read-state.ts';
import { settle } from '../../src/ledger/settle.ts';
import { watchSilence } from '../../src/ledger/silence.ts';
import { requestStop, seeStopsThrough } from '../../src/ledger/stop.ts';
import { submitRun } from '../../src/ledger/submit.ts';
import {
  chunk,
  claim,
  claimant,
  dependsOn,
  finish,
  jobSpec,
  participant,
  queued,
  runRequest,
  type Shared,
  scratchShared,
} from './support.ts';

const run = 'run-1';
const jobs = [jobSpec('prepare'), jobSpec('train', dependsOn('prepare'))];
const everything = ['queue/run-1/prepare', 'queue/run-1/train', 'runs/run-1'];

async function hostWithoutAtomicPush(): Promise<Shared> {
  const shared = await scratchShared();
  shared.git('config', 'receive.advertiseAtomic', 'false');
  return shared;
}

/** Of the pushes from here on the first `applied` updates happen, then the server is killed; `null`: with the reply. */
function cutOffAfter(shared: Shared, applied: number | null): void {
  shared.mark('cuts');
  if (applied === null) shared.hook('post-receive', 'rm cuts 2>/dev/null && kill -9 $PPID; exit 0');
  else {
    shared.hook(
      'update',
      `[ -e cuts ] || exit 0
      if [ "$(wc -c <cuts)" -ge ${applied} ]; then rm cuts; kill -9 $PPID; exit 1; fi
      printf x >>cuts`,
    );
  }
}

function refsUnder(shared: Shared): string[] {
  return [...shared.refs().keys()].map((ref) => ref.replace('refs/dstack/', ''));
}

/** What a submitter that is killed with the server has done: its pushes, up to the one that fails. */
async function submitAndDie(ledger: Ledger, prepared: PreparedRun): Promise<void> {
  const dying = {
    ...ledger,
    shared: {
      ...ledger.shared,
      list: async () => {
        throw new Error('killed');
      },
    },
  };
  await submitRun({ ...dying, shared: { ...dying.shared, path: null } }, prepared).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'killed'),
  );
}

const submitCuts = [0, 1, 2, null] as const;

for (const applied of submitCuts) {
  test(`a submission cut off after ${applied ?? 'all'} updates: the submitter completes it`, async () => {
    const shared = await hostWithoutAtomicPush();
    const ledger = await participant(shared.path);
    const prepared = await prepareRun(ledger, runRequest(ledger, run, jobs));
    cutOffAfter(shared, applied);
    assert.is(await submitRun(ledger, prepared), 'submitted');
    assert.is(shared.marked('cuts'), false);
    assert.equal(refsUnder(shared), everything);
  });

  test(`a submission cut off after ${applied ?? 'all'} updates, its submitter killed: what others find`, async () => {
    const shared = await hostWithoutAtomicPush();
    const ledger = await participant(shared.path);
    const prepared = await prepareRun(ledger, runRequest(ledger, run, jobs));
    cutOffAfter(shared, applied);
    await submitAndDie(ledger, prepared);
    const there = refsUnder(shared);
    // With two pushes the last of the first one's updates is always one of the run's queue entries.
    assert.equal(there, everything.slice(0, applied ?? 2));
    const other = await participant(shared.path);
    assert.equal((await openStateReader(other).read()).runs, []);
    // The name is free for who tries again: for the submission itself, from wherever it is tried.
    assert.is(await submitRun(ledger, prepared), 'submitted');
    assert.equal(refsUnder(shared), everything);
  });
}

for (const applied of [0, null] as const) {
  test(`a submission whose second push is cut off after ${applied ?? 'all'} updates`, async () => {
    const shared = await hostWithoutAtomicPush();
    const ledger = await participant(shared.path);
    const prepared = await prepareRun(ledger, runRequest(ledger, run, jobs));
    shared.mark('second');
    const hook = applied === null ? 'post-receive' : 'update';
    shared.hook(
      hook,
      `${applied === null ? 'read -r _ _ ref; set -- $ref' : ''}
      case $1 in */runs/*) rm second 2>/dev/null && kill -9 $PPID;; esac; exit 0`,
    );
    await submitAndDie(ledger, prepared);
    assert.is(shared.marked('second'), false);
    const other = await participant(shared.path);
    const { runs } = await openStateReader(other).read();
    assert.is(runs.length, applied === null ? 1 : 0);
    if (applied === null) {
      // It is all there: anybody can stop it.
      const targets = jobs.map(({ name }) => ({
        id: { run, job: name },
        queueEntry: prepared.updates.find(({ ref }) => ref.endsWith(name))?.to ?? '',
      }));
      const asked = await requestStop(other, targets, { abort: false, by: 'Ada' });
      await seeStopsThrough(
        other,
        asked,
        claimant('dstack-stop'),
        async () => {},
        () => {},
      );
      assert.is((await openStateReader(other).read()).runs[0]?.state, 'stopped');
      assert.equal(
        refsUnder(shared).filter((ref) => /^(queue|claims|stops)/.test(ref)),
        [],
      );
    }
    assert.is(await submitRun(ledger, prepared), 'submitted');
    assert.equal(refsUnder(shared).includes('runs/run-1'), true);
    assert.is((await openStateReader(other).read()).runs.length, 1);
  });
}

test('two that submit under one name at once, again and again: one has it all, the other nothing', async () => {
  const shared = await hostWithoutAtomicPush();
  const both = await Promise.all([1, 2].map(() => participant(shared.path)));
  for (const name of ['a', 'b', 'c']) {
    const prepared = await Promise.all(
      both.map((ledger, index) => prepareRun(ledger, runRequest(ledger, name, jobs, { reason: `${index}` }))),
    );
    const results = await Promise.all(
      both.map((ledger, index) => submitRun(ledger, prepared[index] as PreparedRun)),
    );
    const refs = shared.refs();
    const mine = (one: PreparedRun) => one.updates.filter(({ ref, to }) => refs.get(ref) === to).length;
    assert.equal(
      prepared.map(mine),
      results.map((result) => (result === 'submitted' ? 3 : 0)),
    );
  }
});

for (const [push, updates] of [
  ['first', 4],
  ['second', 1],
] as const) {
  for (const applied of [...Array(updates).keys(), null]) {
    test(`settling, its ${push} push cut off after ${applied ?? 'all'} updates`, async () => {
      const shared = await hostWithoutAtomicPush();
      const ledger = await participant(shared.path);
      await submitRun(ledger, await prepareRun(ledger, runRequest(ledger, run, [jobSpec('train')])));
      const entry = await queued(ledger, run);
      const holder = await claim(ledger, entry);
      await holder.renew({ chunks: [chunk('hello\n')] });
      const finished = await finish(holder);
      await requestStop(ledger, [{ id: entry.id, queueEntry: entry.commit }], { abort: false, by: 'Ada' });
      cutOffAfter(shared, push === 'first' ? applied : applied === null ? null : 4 + applied);
      if (push === 'second' && applied === null) {
        shared.hook('post-receive', 'grep -q /claims/ && rm cuts 2>/dev/null && kill -9 $PPID; exit 0');
      }
      // Killed at the first push that fails, as its runner is.
      const dying = {
        ...ledger,
        shared: {
          ...ledger.shared,
          push: async (...args: Parameters<Ledger['shared']['push']>) => {
            const outcome = await ledger.shared.push(...args);
            if (!outcome.ok) throw new Error('killed');
            return outcome;
          },
        },
      };
      await settle(dying, [finished]).then(
        () => assert.unreachable(),
        (error: Error) => assert.is(error.message, 'killed'),
      );
      assert.is(shared.marked('cuts'), false);

      // A reader sees the end, whatever is there; the next who looks completes the rest.
      const other = await participant(shared.path);
      assert.is((await openStateReader(other).read()).runs[0]?.state, 'done');
      for (const action of decide(await openLiveReader(other).look(), watchSilence(), new Set())) {
        assert.is(action.do, 'settle');
        if (action.do === 'settle') assert.ok(await settle(other, [action]));
      }
      assert.equal(refsUnder(shared), ['jobs/run-1/train', 'runs/run-1', 'refs/notes/dstack/run-1/train']);
      assert.is(shared.refs().get('refs/dstack/jobs/run-1/train'), finished.commit);
    });
  }
}

test.run();
