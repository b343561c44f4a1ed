import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CardContent, findCard } from '../../src/ledger/runner-cards.ts';
import { keepPresent } from '../../src/runner/presence.ts';
import { scratchLedger } from '../ledger/support.ts';

const content: CardContent = {
  name: 'gpu-1',
  host: 'lab',
  instance: 'first',
  pid: 1,
  executor: 'process',
  concurrency: 1,
  version: '0.1.0',
  labels: {},
  jobs: [],
  startedAt: '2026-03-01T12:00:00.000Z',
  // None of the regular ones comes within this test.
  heartbeat: 3_600,
  machine: { cpu: 8, memory: 2 ** 36, gpus: [] },
  draining: false,
  waiting: null,
};

test('what others may want to see brings the heartbeat forward, once', async () => {
  const { ledger } = await scratchLedger();
  let waiting: string | null = null;
  let asked = 0;
  const presence = await keepPresent(
    ledger,
    () => {
      asked += 1;
      return { ...content, waiting };
    },
    () => {},
    () => {},
  );
  const card = async () => (await findCard(ledger, 'gpu-1'))?.card?.waiting;
  assert.is(await card(), null);
  waiting = 'a job that can run here: run-1/a needs Docker';
  presence.tell('fitting');
  const before = asked;
  for (let tries = 0; tries < 500 && (await card()) !== waiting; tries += 1) await sleep(10);
  assert.is(await card(), waiting);
  presence.tell('fitting');
  presence.tell(null);
  presence.tell('lease');
  assert.is(asked, before, 'not so soon again');
  await presence.remove();
  assert.is(await findCard(ledger, 'gpu-1'), null);
});

test.run();
