import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openStateReader } from '../../../src/ledger/read-state.ts';
import { nameOfScheduled } from '../../../src/ledger/triggers/names.ts';
import { watchTriggers } from '../../../src/ledger/triggers/watch-triggers.ts';
import { participant, scratchShared } from '../support.ts';
import { cloneOf, workflows } from './support.ts';

/** A ledger at a time that stands still until it is set. */
async function inVirtualTime(path: string, time: { now: number }): Promise<Ledger> {
  const ledger = await participant(path);
  return { ...ledger, clock: { ...ledger.clock, now: () => time.now } };
}

const at = (text: string) => Date.parse(text);
const nightly = "{schedule: '0 3 * * *'}";

test('a schedule runs the head of the default branch, once for each time that it is due', async () => {
  const shared = await scratchShared();
  shared.git('symbolic-ref', 'HEAD', 'refs/heads/trunk');
  const time = { now: at('2026-03-01T12:00:00Z') };
  const [one, other] = [await inVirtualTime(shared.path, time), await inVirtualTime(shared.path, time)];
  const watches = [watchTriggers(one, { patience: 0 }), watchTriggers(other, { patience: 0 })];
  const look = async () => {
    const looks = await Promise.all(watches.map((watch) => watch.look()));
    assert.equal(
      looks.flatMap(({ failed }) => failed),
      [],
    );
    // Both may have pushed the very same commit.
    return [...new Set(looks.flatMap(({ submitted }) => submitted))];
  };
  const clone = cloneOf(shared.path);
  clone.push(workflows({ nightly }), 'trunk');
  clone.push(workflows({ elsewhere: nightly }), 'side');
  assert.equal(await look(), []);
  assert.equal(await look(), [], 'what was due this morning was before its time');

  time.now = at('2026-03-02T02:59:59Z');
  const { dueIn } = await (watches[0] as (typeof watches)[number]).look();
  assert.is(dueIn, 1_000);
  const head = clone.push({ ...workflows({ nightly }), more: '1' }, 'trunk');
  assert.equal(await look(), []);
  time.now = at('2026-03-02T03:00:00Z');
  const run = nameOfScheduled('nightly', time.now);
  assert.equal(await look(), [run]);
  assert.equal(await look(), []);
  const view = (await openStateReader(one).read()).runs.find(({ name }) => name === run);
  assert.is(view?.submittedAt, '2026-03-02T03:00:00.000Z');
  assert.is(view?.reason, 'due at 2026-03-02T03:00:00.000Z: 0 3 * * * UTC');
  assert.is(shared.git('rev-parse', `${view?.commit}^`), head);

  time.now = at('2026-03-05T01:00:00Z');
  const late = await inVirtualTime(shared.path, time);
  const made = (await watchTriggers(late).look()).submitted;
  assert.equal(made, [nameOfScheduled('nightly', at('2026-03-04T03:00:00Z'))], 'the last one is made up for');
  assert.equal(await look(), []);

  time.now = at('2026-03-05T02:00:00Z');
  clone.push(workflows({ nightly: "{schedule: {cron: '0 5 * * *', timezone: Europe/Berlin}}" }), 'trunk');
  await look();
  time.now = at('2026-03-05T03:30:00Z');
  assert.equal(await look(), [], 'it says something else now');
  time.now = at('2026-03-05T04:00:00Z');
  assert.equal(await look(), [nameOfScheduled('nightly', time.now)]);
});

test('two patterns of a workflow that are due at the same time start one run', async () => {
  const shared = await scratchShared();
  const time = { now: at('2026-03-01T12:00:00Z') };
  const watch = watchTriggers(await inVirtualTime(shared.path, time), { patience: 0 });
  cloneOf(shared.path).push(workflows({ often: "{schedule: ['0 3 * * *', '0 */3 * * *']}" }));
  await watch.look();
  time.now = at('2026-03-02T03:00:00Z');
  assert.equal((await watch.look()).submitted, [nameOfScheduled('often', time.now)]);
});

test('a schedule that can not be planned is a run that failed', async () => {
  const shared = await scratchShared();
  const time = { now: at('2026-03-01T12:00:00Z') };
  const watch = watchTriggers(await inVirtualTime(shared.path, time), { patience: 0 });
  const text = `workflows: [{name: a, commands: [x], depends-on: [b], on: ${nightly}}]`;
  cloneOf(shared.path).push({ '.dstack/workflows.yaml': text });
  await watch.look();
  time.now = at('2026-03-02T03:00:00Z');
  const { rejected, submitted } = await watch.look();
  assert.equal(submitted, []);
  assert.match(rejected[0]?.problem ?? '', 'there is no workflow `b`');
  assert.equal((await watch.look()).rejected, []);
});

test('every second, by the real clock', async () => {
  const shared = await scratchShared();
  const watches = await Promise.all(
    [1, 2].map(async () => watchTriggers(await participant(shared.path), { patience: 0 })),
  );
  cloneOf(shared.path).push(workflows({ often: "{schedule: '* * * * * *'}" }));
  const submitted = new Set<string>();
  while (submitted.size < 3) {
    const looks = await Promise.all(watches.map((watch) => watch.look()));
    for (const run of looks.flatMap((look) => look.submitted)) submitted.add(run);
    await sleep(Math.min(...looks.map(({ dueIn }) => dueIn), 1_000));
  }
  const runs = [...shared.refs().keys()].filter((ref) => ref.startsWith('refs/dstack/runs/'));
  assert.equal(runs.sort(), [...submitted].map((run) => `refs/dstack/runs/${run}`).sort());
});

test.run();
