import { randomUUID } from 'node:crypto';
import { writeCommits } from '../git/write-commits.ts';
import { type Claimant, monotonicSeconds } from './claims.ts';
import { closeJob } from './close-job.ts';
import { backOff, compareAndSwap } from './compare-and-swap.ts';
import { decide } from './decide.ts';
import { formatVersion, printFile } from './formats.ts';
import { type Ledger, signature } from './ledger.ts';
import { openLiveReader } from './live.ts';
import { type JobId, jobName } from './refs.ts';
import { watchSilence } from './silence.ts';

export interface StopTarget {
  readonly id: JobId;
  readonly queueEntry: string;
}

/**
 * Asks that jobs end. A request for an abort replaces one for a stop.
 * @returns the jobs for which the request stands
 */
export async function requestStop(
  ledger: Ledger,
  targets: readonly StopTarget[],
  options: { abort: boolean; by: string },
): Promise<StopTarget[]> {
  const { shared, names } = ledger;
  const asked: StopTarget[] = [];
  for (const target of targets) {
    const ref = names.job('stops', target.id);
    const [commit] = await writeCommits(shared.local, [
      {
        parents: [],
        files: [
          {
            path: 'stop.json',
            content: printFile({
              format: formatVersion,
              ...target.id,
              queue: target.queueEntry,
              abort: options.abort,
              by: options.by,
              nonce: randomUUID(),
            }),
          },
        ],
        message: `${options.abort ? 'abort' : 'stop'} ${jobName(target.id)}\n\nDstack-Format: ${formatVersion}\n`,
        author: signature(ledger),
      },
    ]);
    const before = (await shared.list([ref])).get(ref) ?? null;
    if (before !== null && !options.abort) {
      asked.push(target);
      continue;
    }
    const swap = { ref, from: before, to: commit as string };
    const result = await compareAndSwap(shared, swap, new Set([commit as string]), backOff(4));
    if (result === 'won' || (result === 'lost' && !options.abort)) asked.push(target);
  }
  return asked;
}

/**
 * Sees stops through: waits for runners that live, ends what nobody has, and takes over from runners that have been
 * silent for their lease. So stopping needs no living runner.
 * @param wait resolves when it is worth looking again
 * @param progress keys of the jobs that are still to end, after each look
 */
export async function seeStopsThrough(
  ledger: Ledger,
  targets: readonly StopTarget[],
  claimant: Claimant,
  wait: () => Promise<void>,
  progress: (remaining: readonly string[]) => void,
): Promise<void> {
  const reader = openLiveReader(ledger);
  const silence = watchSilence();
  const wanted = new Map(targets.map((target) => [jobName(target.id), target]));
  for (;;) {
    const startedAt = monotonicSeconds();
    const live = await reader.look().catch((error: unknown) => {
      silence.forget();
      throw error;
    });
    silence.observe(tipsOf(live.claims), startedAt, monotonicSeconds());
    for (const [key, target] of wanted) {
      const tip = live.claims.get(key);
      if (tip?.kind === 'finished' || live.queue.get(key)?.commit !== target.queueEntry) wanted.delete(key);
    }
    progress([...wanted.keys()]);
    if (wanted.size === 0) return;
    for (const action of decide(live, silence, claimant.instance, new Set())) {
      if (action.do !== 'stop' || !wanted.has(jobName(action.entry.id))) continue;
      if ((await closeJob(ledger, action, claimant)) === 'closed') wanted.delete(jobName(action.entry.id));
    }
    if (wanted.size === 0) continue;
    await wait();
  }
}

/** The commit each claim points at, for {@link watchSilence}. */
export function tipsOf(claims: ReadonlyMap<string, { commit: string }>): Map<string, string> {
  return new Map([...claims].map(([key, tip]) => [key, tip.commit]));
}
