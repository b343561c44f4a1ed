import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/ledger/decide.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { yieldsTo } from '../../src/ledger/same-key.ts';
import { settle } from '../../src/ledger/settle.ts';
import { watchSilence } from '../../src/ledger/silence.ts';
import { claim, finish, jobSpec, queued, scratchLedger, submit } from './support.ts';

const cacheKey = 'e'.repeat(64);

/** Runs of one job each that all give the same, of which some are claimed, in this order. */
async function sameRuns(names: readonly string[], useCache = true) {
  const { ledger } = await scratchLedger();
  for (const run of names) {
    await submit(ledger, run, [], { jobs: [{ spec: jobSpec('train'), cacheKey, useCache }] });
  }
  const reader = openLiveReader(ledger);
  const yields = async (run: string, silent: readonly string[] = []) =>
    (await yieldsTo(ledger, reader, await queued(ledger, run), new Set(silent)))?.run ?? null;
  /** Runs whose job may be executed, by one who has seen all claims for so many seconds. */
  const executable = async (seconds: number) => {
    const live = await reader.look();
    const silence = watchSilence();
    const tips = new Map([...live.claims].map(([key, tip]) => [key, tip.commit]));
    silence.observe(tips, 0, 0);
    silence.observe(tips, seconds, seconds);
    return decide(live, silence, new Set())
      .flatMap((action) => (action.do === 'execute' ? [action.entry.id.run] : []))
      .sort();
  };
  return {
    ledger,
    yields,
    executable,
    claimed: async (run: string) => claim(ledger, await queued(ledger, run)),
  };
}

test('while one is claimed by a living runner the others wait, and not for a dead one', async () => {
  const { executable, claimed } = await sameRuns(['run-a', 'run-b', 'run-c']);
  assert.equal(await executable(0), ['run-a', 'run-b', 'run-c']);
  const holder = await claimed('run-b');
  assert.equal(await executable(59), []);
  assert.equal(await executable(61), ['run-a', 'run-b', 'run-c']);
  await finish(holder, { state: 'failed', reason: 'exit code 1', exitCode: 1 });
  assert.equal(await executable(0), ['run-a', 'run-c']);
});

test('who does not ask the cache neither waits nor yields', async () => {
  const { executable, claimed, yields } = await sameRuns(['run-a', 'run-b'], false);
  await claimed('run-a');
  assert.equal(await executable(0), ['run-b']);
  await claimed('run-b');
  assert.is(await yields('run-b'), null);
});

test('of two that look at the same time the one whose name comes first goes on', async () => {
  const { claimed, yields } = await sameRuns(['run-a', 'run-b']);
  const later = await claimed('run-b');
  const first = await claimed('run-a');
  const goesOn = yields('run-a');
  assert.is(await yields('run-b'), 'run-a');
  await later.withdraw();
  assert.is(await goesOn, null);
  // Of who is dead nothing is to be expected.
  assert.is(await yields('run-b', [first.tip()]), null);
});

test('whoever looked before there was anything to be seen goes on, and the one that comes then does not', async () => {
  for (const then of ['begins', 'ends', 'is settled', 'takes its time']) {
    const { ledger, claimed, yields } = await sameRuns(['run-a', 'run-b']);
    const earlier = await claimed('run-b');
    assert.is(await yields('run-b'), null);
    await claimed('run-a');
    const comesThen = yields('run-a');
    if (then === 'begins') await earlier.renew({ state: 'running' });
    if (then === 'ends') await finish(earlier);
    if (then === 'is settled') await settle(ledger, [await finish(earlier)]);
    assert.is(await comesThen, 'run-b', then);
  }
});

test('one that has begun is not begun again, whatever it is called', async () => {
  const { claimed, yields } = await sameRuns(['run-a', 'run-b']);
  const holder = await claimed('run-b');
  await holder.renew({ state: 'running' });
  await claimed('run-a');
  assert.is(await yields('run-a'), 'run-b');
  await finish(holder);
  assert.is(await yields('run-a'), null);
});

test.run();
