import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements } from '../../src/language/job-spec.ts';
import { systemClock } from '../../src/ledger/clock.ts';
import { hasRoomFor } from '../../src/ledger/fleet.ts';
import { openLiveReader } from '../../src/ledger/live.ts';
import { type CardContent, putUpCard } from '../../src/ledger/runner-cards.ts';
import { watchFleet } from '../../src/runner/watch-fleet.ts';
import { claim, claimant, jobSpec, queued, scratchLedger, submit } from '../ledger/support.ts';

const card = (name: string, more: Partial<CardContent> = {}): CardContent => ({
  name,
  host: 'lab',
  instance: name,
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
  ...more,
});
const asks = (cpu: number) => jobSpec('train', { resources: { ...defaultRequirements.resources, cpu } });

test('who else is there, and what they have free, follows from cards and claims', async () => {
  const { ledger } = await scratchLedger();
  for (const name of ['self', 'other', 'leaving'])
    await putUpCard(ledger, card(name, { draining: name === 'leaving' }), null);
  await submit(ledger, 'run-1', [asks(6)]);
  const fleetNow = watchFleet(ledger, 'self');
  const look = async () => fleetNow(await openLiveReader(ledger).look(), 3);
  const before = await look();
  const roomOf = ({ others }: typeof before, cpu: number) =>
    others.filter((other) => hasRoomFor(other, asks(cpu))).map(({ name }) => name);
  assert.equal(before.others.map(({ name }) => name).sort(), ['leaving', 'other']);
  assert.equal(roomOf(before, 8), ['other']);
  await claim(ledger, await queued(ledger, 'run-1'), claimant('other'));
  const after = await look();
  assert.equal(after.load, new Map(Object.entries({ self: 3, other: 1, leaving: 0 })));
  assert.equal([roomOf(after, 8), roomOf(after, 2)], [[], ['other']]);
});

test("a runner whose card stands still is not reckoned with, nor one whose card can't be read", async () => {
  const { shared, ledger } = await scratchLedger();
  let seconds = 1_000;
  const clock = { ...systemClock, monotonic: () => seconds };
  const cards = new Map<string, Awaited<ReturnType<typeof putUpCard>>>();
  for (const name of ['alive', 'dead', 'odd']) cards.set(name, await putUpCard(ledger, card(name), null));
  const tree = shared.git('hash-object', '-t', 'tree', '-w', '/dev/null');
  const commit = shared.git('-c', 'user.name=A', '-c', 'user.email=a', 'commit-tree', '-m', 'odd', tree);
  shared.git('update-ref', 'refs/dstack/runners/odd', commit);
  const fleetNow = watchFleet({ ...ledger, clock }, 'self', () => 1000 * seconds);
  const names = async () =>
    (await fleetNow({ claims: new Map(), queue: new Map() }, 0)).others.map(({ name }) => name).sort();
  assert.equal(await names(), ['alive', 'dead']);
  for (let beats = 0; beats < 4; beats += 1) {
    seconds += 20;
    await cards.get('alive')?.update(card('alive'));
    await names();
  }
  assert.equal(await names(), ['alive']);
});

test.run();
