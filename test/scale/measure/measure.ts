// Measures what a request costs a Git host, by how many refs it has, and writes that into host-costs.json: the
// processor's time there and here, bytes, round trips. Over git://, so that it is Git's part alone.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RefUpdate } from '../../../src/git/push.ts';
import { refNames } from '../../../src/ledger/refs.ts';
import type { SharedRepository } from '../../../src/ledger/shared-repository.ts';
import { scratchFolder } from '../../git/scratch-repository.ts';
import { type Cost, commitOf, type MeasuredHost, startMeasuredHost } from './measured-host.ts';

const names = refNames();
const polled = ['queue', 'claims', 'stops'] as const;
const times = 20;
const grouped = 10;

const poll = async (shared: SharedRepository) => {
  await shared.list(polled.map((area) => names.area(area)));
};

let counted = 0;
const next = () => {
  counted += 1;
  return counted;
};
/** Claims that are not there yet, written. */
async function newClaims(shared: SharedRepository, count: number): Promise<(RefUpdate & { to: string })[]> {
  const ids = await shared.write(Array.from({ length: count }, () => commitOf(`{"nonce": ${next()}}`)));
  return ids.map((to) => ({
    ref: names.job('claims', { run: 'swift-robin-0001', job: `c-${next()}` }),
    from: null,
    to,
  }));
}

async function pushed(shared: SharedRepository, updates: readonly RefUpdate[]): Promise<void> {
  const outcome = await shared.push(updates);
  if (!outcome.ok) throw new Error(outcome.failure.words);
}

/** What a push costs, the writing of its objects left out. */
async function pushes(
  host: MeasuredHost,
  count: number,
  of: (made: readonly (RefUpdate & { to: string })[]) => RefUpdate[],
) {
  const ready: RefUpdate[][] = [];
  await host.measure(times, async (shared) => void ready.push(of(await newClaims(shared, count))));
  return host.measure(times, (shared, turn) => pushed(shared, ready[turn] ?? []));
}

async function measureHistory(history: number): Promise<Record<string, Cost>> {
  const host = await startMeasuredHost(join(scratchFolder(), `h${history}`), { history, queue: 0 });
  try {
    await host.measure(1, poll);
    const idle = await host.measure(times, poll);
    const create = await pushes(host, 1, (made) => [...made]);
    const group = await pushes(host, grouped, (made) => [...made]);
    return { poll: idle, push: create, [`push of ${grouped}`]: group };
  } finally {
    await host.stop();
  }
}

/** A poll of what has `queue` entries, again, and the first time. */
async function measureQueue(queue: number): Promise<Record<string, Cost>> {
  const host = await startMeasuredHost(join(scratchFolder(), `q${queue}`), { history: 0, queue });
  try {
    const first = await host.measure(1, poll);
    return { 'first poll': first, poll: await host.measure(times, poll) };
  } finally {
    await host.stop();
  }
}

const byHistory: Record<string, Record<string, Cost>> = {};
for (const history of [0, 1_000, 10_000, 100_000]) {
  byHistory[history] = await measureHistory(history);
  console.log(history, 'refs of history', byHistory[history]);
}
const byQueue: Record<string, Record<string, Cost>> = {};
for (const queue of [0, 100, 1_000, 10_000]) {
  byQueue[queue] = await measureQueue(queue);
  console.log(queue, 'queue entries', byQueue[queue]);
}
const git = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim();
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
const file = fileURLToPath(new URL('host-costs.json', import.meta.url));
writeFileSync(
  file,
  `${JSON.stringify({ format: 1, git, machine, times, grouped, byHistory, byQueue }, null, 2)}\n`,
);
