import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../src/ledger/clock.ts';
import { type CardContent, findCard, putUpCard, watchForDeadCards } from '../../src/ledger/runner-cards.ts';
import { loseNextReply, participant, scratchLedger } from './support.ts';

const ref = 'refs/dstack/runners/gpu-1';
const content: CardContent = {
  name: 'gpu-1',
  host: 'lab',
  instance: 'first',
  pid: 1,
  executor: 'docker',
  concurrency: 2,
  version: '0.1.0',
  labels: {},
  jobs: [],
  startedAt: '2026-03-01T12:00:00.000Z',
  heartbeat: 20,
  machine: { cpu: 8, memory: 2 ** 36, gpus: [] },
  draining: false,
  waiting: null,
};

test('a card is put up, kept up to date, and removed', async () => {
  const { shared, ledger } = await scratchLedger();
  assert.is(await findCard(ledger, 'gpu-1'), null);
  const card = await putUpCard(ledger, content, null);
  const first = await findCard(ledger, 'gpu-1');
  assert.is(first?.card?.instance, 'first');
  loseNextReply(shared);
  assert.is(await card.update({ ...content, jobs: ['run-1/train'], draining: true }), 'ok');
  assert.is(shared.marked('lose-reply'), false);
  const second = await findCard(ledger, 'gpu-1');
  assert.is.not(second?.commit, first?.commit);
  assert.equal(second?.card?.jobs, ['run-1/train']);
  assert.is(shared.git('log', '--format=%s', ref), 'runner gpu-1: run-1/train');
  await card.remove();
  assert.not(shared.refs().has(ref));
});

test('the card of a runner that was killed is taken down; one that lives puts it up again', async () => {
  const { shared, ledger } = await scratchLedger();
  let seconds = 1000;
  const clock = { ...systemClock, monotonic: () => seconds };
  const look = watchForDeadCards({ ...(await participant(shared.path)), clock });
  const asleep = await putUpCard(ledger, content, null);
  const lively = await putUpCard(ledger, { ...content, name: 'gpu-2' }, null);
  const names = () => [...shared.refs().keys()].filter((name) => name.includes('/runners/'));
  await look();
  seconds += 6 * content.heartbeat - 1;
  await lively.update({ ...content, name: 'gpu-2' });
  await look();
  assert.equal(names(), [ref, 'refs/dstack/runners/gpu-2'], 'not yet');
  seconds += 2;
  await look();
  assert.equal(names(), ['refs/dstack/runners/gpu-2']);
  assert.is(await asleep.update(content), 'ok');
  assert.equal(names(), [ref, 'refs/dstack/runners/gpu-2']);
});

test('of two runners of one name the second to come is refused', async () => {
  const { shared, ledger } = await scratchLedger();
  await putUpCard(ledger, content, null);
  try {
    await putUpCard(await participant(shared.path), { ...content, instance: 'second' }, null);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'runner-name-taken');
    assert.match((error as { hint: string }).hint, /--name NAME/);
  }
  assert.is((await findCard(ledger, 'gpu-1'))?.card?.instance, 'first');
});

test('a card that the repository refuses is told in the words of its hook', async () => {
  const { shared, ledger } = await scratchLedger();
  shared.hook('pre-receive', 'echo "No runners before Monday." >&2; exit 1');
  try {
    await putUpCard(ledger, content, null);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code: string }).code, 'refused-by-hook');
    assert.match((error as Error).message, /No runners before Monday/);
  }
});

test("a runner whose card was replaced learns it, and leaves the other's alone", async () => {
  const { shared, ledger } = await scratchLedger();
  const dead = await putUpCard(ledger, content, null);
  const other = await participant(shared.path);
  const found = await findCard(other, 'gpu-1');
  await putUpCard(other, { ...content, instance: 'second' }, found?.commit ?? null);
  assert.is(await dead.update(content), 'replaced');
  await dead.remove();
  assert.is((await findCard(other, 'gpu-1'))?.card?.instance, 'second');
});

test('a card that can not be read can be replaced', async () => {
  const { shared, ledger } = await scratchLedger();
  const card = await putUpCard(ledger, content, null);
  await card.remove();
  const empty = shared.git('hash-object', '-t', 'tree', '-w', '/dev/null');
  const commit = shared.git('-c', 'user.name=x', '-c', 'user.email=x', 'commit-tree', '-m', 'x', empty);
  shared.git('update-ref', ref, commit);
  const found = await findCard(ledger, 'gpu-1');
  assert.equal(found, { commit, card: null });
  await putUpCard(ledger, content, commit);
  assert.is((await findCard(ledger, 'gpu-1'))?.card?.instance, 'first');
});

test('while the repository does not take it, nothing is known', async () => {
  const { shared, ledger } = await scratchLedger();
  const card = await putUpCard(ledger, content, null);
  shared.hook('pre-receive', 'exit 1');
  assert.is(await card.update(content), 'unknown');
  shared.hook('pre-receive', 'exit 0');
  assert.is(await card.update(content), 'ok');
});

test.run();
