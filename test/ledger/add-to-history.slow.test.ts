import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRefUpdater } from '../../src/git/ref-updater.ts';
import { addToHistory } from '../../src/ledger/add-to-history.ts';
import { updateHistory } from '../../src/ledger/history.ts';
import type { RunView } from '../../src/ledger/state.ts';
import { sampleJob, sampleRun } from '../tui/sample-state.ts';
import { scratchLedger } from './support.ts';

const prefix = 'refs/dstack';

/** A run that was submitted in this second. */
function run(second: number, state: 'running' | 'done' = 'done', name = `run-${second}`): RunView {
  return sampleRun(name, [sampleJob({ name: 'train', state })], {
    submittedAt: new Date(Date.UTC(2026, 2, 1) + second * 1000).toISOString(),
    submittedBy: 'Ada Lovelace <ada@example.org>',
  });
}

async function history() {
  const { ledger } = await scratchLedger();
  const { local } = ledger.shared;
  const refs = openRefUpdater(local.gitDir);
  return {
    add: (view: RunView) => addToHistory(ledger, view, refs),
    /** @returns how many links a full rebuild finds wrong */
    update: (...runs: RunView[]) => updateHistory(local, prefix, runs.toReversed()),
    close() {
      refs.close();
      ledger.close();
    },
  };
}

test('a run that has ended gets the place that a rebuild of the whole history would give it', async () => {
  const { add, update, close } = await history();
  await add(run(1));
  assert.is(await update(run(1)), 0);
  await update(run(1), run(2, 'running'), run(3), run(4));
  await add(run(2));
  assert.is(await update(run(1), run(2), run(3), run(4)), 0);
  await add(run(6));
  await add(run(5));
  // Of the same second, by name; and none twice.
  await add(run(5, 'done', 'run-5b'));
  await add(run(5, 'done', 'run-5a'));
  await add(run(5));
  const now = [run(5), run(5, 'done', 'run-5a'), run(5, 'done', 'run-5b')];
  assert.is(await update(run(1), run(2), run(3), run(4), ...now, run(6)), 0);
  close();
});

test('of two that end at once none is lost', async () => {
  const { add, update, close } = await history();
  await Promise.all([add(run(1)), add(run(2))]);
  assert.is(await update(run(1), run(2)), 0);
  close();
});

test('one that lies deep is left to a rebuild', async () => {
  const { add, update, close } = await history();
  const others = Array.from({ length: 60 }, (_, index) => run(10 + index));
  await update(run(1, 'running'), ...others);
  await add(run(1));
  assert.is(await update(run(1, 'running'), ...others), 0);
  close();
});

test.run();
