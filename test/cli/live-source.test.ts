import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { liveSource, nextPause } from '../../src/cli/live-source.ts';
import type { LedgerState } from '../../src/ledger/state.ts';
import { openWake } from '../../src/ledger/wake.ts';
import { manyRuns, sampleState } from '../tui/sample-state.ts';

/** Long enough that nothing happens in a test by time alone. */
const poll = 60_000;

/** A source of states that are told one by one, each as one look. */
function source(look: (atLeast: number) => LedgerState, wakes = [openWake({ path: null })]) {
  const readings: { runs: number | null; error: string | null; state: LedgerState | null }[] = [];
  const asked: number[] = [];
  const live = liveSource(
    wakes,
    async (atLeast) => {
      asked.push(atLeast);
      return look(atLeast);
    },
    poll,
  );
  const end = live.subscribe(({ state, error }) =>
    readings.push({ runs: state?.runs.length ?? null, error, state }),
  );
  const until = async (wanted: () => boolean) => {
    while (!wanted()) await sleep(5);
  };
  return {
    live,
    readings,
    asked,
    until,
    close: () => [end(), live.close(), ...wakes.map((wake) => wake.close())],
  };
}

test('looks often after a change, and less and less often without one', () => {
  assert.is(nextPause(10_000, 2_000, true), 500);
  let pause = 500;
  const pauses = Array.from({ length: 10 }, () => {
    pause = nextPause(pause, 2_000, false);
    return pause;
  });
  assert.is(pauses[0], 750);
  assert.is(pauses.at(-1), 10_000);
});

test('what has not changed is the same object, a failure keeps what was known', async () => {
  let fails = false;
  const { live, readings, until, close } = source(() => {
    if (fails) throw new Error('gone');
    return structuredClone(sampleState);
  });
  await until(() => readings.length === 1);
  // The look has just been, so that nobody need hurry.
  await sleep(600);
  live.hurry();
  await until(() => readings.length === 2);
  assert.is(readings[1]?.state, readings[0]?.state);
  fails = true;
  await sleep(600);
  live.hurry();
  await until(() => readings.length === 3);
  assert.is(readings[2]?.error, 'gone');
  assert.is(readings[2]?.state, readings[0]?.state);
  // Whoever comes back to it has that at once.
  const again: unknown[] = [];
  live.subscribe(({ state, error }) => again.push(state, error))();
  assert.equal(again, [readings[0]?.state, 'gone']);
  close();
});

test('older runs come in steps, the next one when the last one is there', async () => {
  const all = manyRuns(1_000);
  const { live, readings, asked, until, close } = source((atLeast) => ({
    ...all,
    runs: all.runs.slice(0, atLeast),
    archived: 1_000 - atLeast,
  }));
  await until(() => readings.length === 1);
  assert.equal(asked, [20]);
  live.older();
  live.older();
  await until(() => readings.length === 2);
  live.older();
  await until(() => readings.length === 3);
  assert.equal(asked, [20, 200, 400], 'what is asked twice is read once');
  assert.is(readings[2]?.runs, 400);
  close();
});

test('a sign at any of several repositories is one', async () => {
  const wakes = [openWake({ path: null }), openWake({ path: null })];
  const { readings, until, close } = source(() => sampleState, wakes);
  for (const [index, wake] of [...wakes, ...wakes].entries()) {
    await until(() => readings.length === index + 1);
    wake.notify();
  }
  await until(() => readings.length === 5);
  close();
});

test.run();
