import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setRefs } from '../../../src/git/refs.ts';
import { initBareRepository, openRepository, type Repository } from '../../../src/git/repository.ts';
import { writeCommits } from '../../../src/git/write-commits.ts';
import { openSharedRepository } from '../../../src/ledger/open-shared-repository.ts';
import { refNames } from '../../../src/ledger/refs.ts';
import type { SharedRepository } from '../../../src/ledger/shared-repository.ts';
import { serve } from '../../ledger/git-daemon.ts';
import { startSlowLink } from '../../transports/slow-link.ts';
import { ownTime, timeOfChildren } from './processor-time.ts';

/** What one request costs: a median over many. Times are the processor's, in milliseconds. */
export interface Cost {
  readonly host: number;
  readonly client: number;
  readonly bytes: number;
  /** Something was sent after something had come; making the connection is one. */
  readonly roundTrips: number;
}

/** A Git server with nothing but refs, of which it has as many as wanted. */
export interface MeasuredHost {
  /** Does it so often, and says what one costs in the middle. */
  measure(times: number, act: (shared: SharedRepository, turn: number) => Promise<void>): Promise<Cost>;
  stop(): Promise<void>;
}

const names = refNames();

/** @param refs how many refs of each area there are */
export async function startMeasuredHost(
  folder: string,
  refs: { history: number; queue: number },
): Promise<MeasuredHost> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'shared.git');
  const shared = await initBareRepository(path);
  await fill(shared, refs);
  const local = await initBareRepository(join(folder, 'runner.git'));
  const daemon = await serve(path);
  const link = await startSlowLink(daemon.port);
  const repository = await openSharedRepository(
    await openRepository(local.gitDir),
    daemon.url.replace(`:${daemon.port}/`, `:${link.port}/`),
  );
  return {
    async measure(times, act) {
      const costs: Cost[] = [];
      for (let turn = 0; turn < times; turn += 1) {
        link.traffic();
        const [host, client] = [timeOfChildren(daemon.pid), ownTime()];
        await act(repository, turn);
        const after = ownTime();
        await reaped(daemon.pid, host);
        const { bytes, roundTrips } = link.traffic();
        costs.push({ host: timeOfChildren(daemon.pid) - host, client: after - client, bytes, roundTrips });
      }
      const mean = (of: (cost: Cost) => number) => costs.reduce((sum, cost) => sum + of(cost), 0) / times;
      // Ticks are too coarse for a median of single ones.
      return {
        host: mean((cost) => cost.host),
        client: mean((cost) => cost.client),
        bytes: Math.round(mean((cost) => cost.bytes)),
        roundTrips: median(costs.map((cost) => cost.roundTrips)),
      };
    },
    async stop() {
      repository.close();
      await link.close();
      await daemon.stop();
    },
  };
}

/** The server's own process ends a moment after its reply; what it has taken is known only then. */
async function reaped(pid: number, before: number): Promise<void> {
  for (let tries = 0; tries < 5 && timeOfChildren(pid) === before; tries += 1) await sleep(10);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

/** Jobs of finished runs, a hundred each, and queue entries; packed, as a host that is looked after has them. */
async function fill(
  shared: Repository,
  { history, queue }: { history: number; queue: number },
): Promise<void> {
  const wanted = [
    ...Array.from({ length: history }, (_, index) => names.job('jobs', job(index))),
    ...Array.from({ length: queue }, (_, index) => names.job('queue', job(index))),
  ];
  const portion = 10_000;
  for (let start = 0; start < wanted.length; start += portion) {
    const some = wanted.slice(start, start + portion);
    const ids = await writeCommits(
      shared,
      some.map((ref) => commitOf(`{"of": "${ref}"}\n`)),
    );
    await setRefs(shared.gitDir, new Map(some.map((ref, index) => [ref, ids[index] ?? null])));
  }
  execFileSync('git', ['gc', '--quiet'], { cwd: shared.gitDir });
}

function job(index: number): { run: string; job: string } {
  return {
    run: `brave-otter-${String(Math.floor(index / 100)).padStart(4, '0')}`,
    job: `work-${index % 100}`,
  };
}

/** Of about the size of a claim's. */
export function commitOf(content: string) {
  return {
    parents: [],
    files: [{ path: 'claim.json', content: content.padEnd(500) }],
    message: 'a claim\n\nDstack-Format: 1\n',
    author: { name: 'runner', email: 'runner@example.org', time: Date.now() },
  };
}
