import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { watchForOrphans } from '../../src/ledger/orphans.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { requestStop } from '../../src/ledger/stop.ts';
import { serve } from './git-daemon.ts';
import {
  claim,
  jobSpec,
  participant,
  queued,
  runRequest,
  type Shared,
  scratchShared,
  submit,
} from './support.ts';

const day = 24 * 60 * 60;

/** A participant whose clock a test sets, in seconds. */
function withClock(ledger: Ledger): { ledger: Ledger; at(seconds: number): void } {
  let now = 1_000;
  return {
    ledger: { ...ledger, clock: { ...ledger.clock, monotonic: () => now } },
    at(seconds) {
      now = 1_000 + seconds;
    },
  };
}

const live = (shared: Shared) =>
  [...shared.refs().keys()].map((ref) => ref.replace('refs/dstack/', '')).filter((ref) => !/^runs/.test(ref));

async function orphan(ledger: Ledger, run: string): Promise<void> {
  const { updates } = await prepareRun(
    ledger,
    runRequest(ledger, run, [jobSpec('train')], { reason: 'cut off' }),
  );
  await ledger.shared.push(updates.slice(0, 1));
}

for (const remote of ['a folder', 'a URL'] as const) {
  test(`${remote}: a queue entry without its run goes after a day, those of a run stay`, async () => {
    const shared = await scratchShared();
    const other = await participant(shared.path);
    await submit(other, 'whole');
    await submit(other, 'taken', [jobSpec('prepare')]);
    // One whose run never came, and one among the jobs of another's run of that name.
    for (const run of ['gone', 'taken']) await orphan(other, run);
    const daemon = remote === 'a URL' ? await serve(shared.path) : null;
    const { ledger, at } = withClock(await participant(daemon?.url ?? shared.path));
    let asked = 0;
    const counting = {
      ...ledger,
      shared: {
        ...ledger.shared,
        tips: (refs: readonly string[]) => {
          asked += 1;
          return ledger.shared.tips(refs);
        },
      },
    };
    const remove = watchForOrphans(counting);
    const reader = openLiveReader(ledger);
    assert.is(await remove(await reader.look()), 0);
    at(day - 1);
    assert.is(await remove(await reader.look()), 0);
    assert.is(asked, 0);
    at(day);
    assert.is(await remove(await reader.look()), 2);
    assert.equal(live(shared), ['queue/taken/prepare', 'queue/whole/train']);
    at(2 * day);
    assert.is(await remove(await reader.look()), 0);
    // What has been vouched for once is not asked about again.
    assert.is(asked, 1);
    await daemon?.stop();
  });
}

test('an entry that was made anew meanwhile begins to count anew', async () => {
  const shared = await scratchShared();
  const { ledger, at } = withClock(await participant(shared.path));
  const remove = watchForOrphans(ledger);
  const reader = openLiveReader(ledger);
  await orphan(ledger, 'gone');
  await remove(await reader.look());
  shared.git('update-ref', '-d', 'refs/dstack/queue/gone/train');
  const again = await prepareRun(ledger, runRequest(ledger, 'gone', [jobSpec('train')], { reason: 'again' }));
  await ledger.shared.push(again.updates.slice(0, 1));
  at(day);
  assert.is(await remove(await reader.look()), 0);
  at(2 * day);
  assert.is(await remove(await reader.look()), 1);
});

test('a lease and a stop beside neither queue entry nor outcome go after a day', async () => {
  const shared = await scratchShared();
  const { ledger, at } = withClock(await participant(shared.path));
  await submit(ledger, 'run-1');
  await submit(ledger, 'run-2');
  for (const run of ['run-1', 'run-2']) {
    const entry = await queued(ledger, run);
    await claim(ledger, entry);
    await requestStop(ledger, [{ id: entry.id, queueEntry: entry.commit }], { abort: false, by: 'Ada' });
  }
  shared.git('update-ref', '-d', 'refs/dstack/queue/run-1/train');
  const remove = watchForOrphans(ledger);
  const reader = openLiveReader(ledger);
  await remove(await reader.look());
  at(day);
  assert.is(await remove(await reader.look()), 2);
  assert.equal(live(shared), ['claims/run-2/train', 'queue/run-2/train', 'stops/run-2/train']);
});

test('beside a queue entry that this version can not read nothing goes', async () => {
  const shared = await scratchShared();
  const { ledger, at } = withClock(await participant(shared.path));
  await submit(ledger, 'run-1');
  const entry = await queued(ledger, 'run-1');
  await claim(ledger, entry);
  await requestStop(ledger, [{ id: entry.id, queueEntry: entry.commit }], { abort: false, by: 'Ada' });
  const tree = shared.git('mktree', '--missing', '-z');
  const newer = shared.git('-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit-tree', '-m', 'newer', tree);
  shared.git('update-ref', 'refs/dstack/queue/run-1/train', newer);
  const remove = watchForOrphans(ledger);
  const reader = openLiveReader(ledger);
  await remove(await reader.look());
  at(day);
  assert.is(await remove(await reader.look()), 0);
  assert.equal(live(shared), ['claims/run-1/train', 'queue/run-1/train', 'stops/run-1/train']);
});

test.run();
