import { DstackError } from '../errors.ts';
import type { Claimant } from './claims.ts';
import { closeJob } from './close-job.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import { decide } from './decide.ts';
import { formatVersion, printFile, type StopFile } from './formats.ts';
import { insist } from './insist.ts';
import { type Ledger, signature } from './ledger.ts';
import { type Live, openLiveReader, readStopRequest } from './live.ts';
import { type JobId, jobName } from './refs.ts';
import { watchSilence } from './silence.ts';

export interface StopTarget {
  readonly id: JobId;
  readonly queueEntry: string;
}

/**
 * Asks that jobs end. A request for an abort replaces one for a stop.
 * @returns the jobs for which the request stands; the others have ended, or others' requests always came in between
 * @throws DstackError why it can't be asked: what was not asked for goes on
 */
export async function requestStop(
  ledger: Ledger,
  targets: readonly StopTarget[],
  options: { abort: boolean; by: string },
): Promise<StopTarget[]> {
  const asked: StopTarget[] = [];
  for (const target of targets) {
    if (await ask(ledger, target, options)) asked.push(target);
  }
  return asked;
}

async function ask(
  ledger: Ledger,
  target: StopTarget,
  options: { abort: boolean; by: string },
): Promise<boolean> {
  const { shared, names } = ledger;
  const ref = names.job('stops', target.id);
  const commit = await writeRequest(ledger, target, options);
  // Another's request may come in between.
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    const before = (await shared.list([names.ofRun('stops', target.id.run)])).get(ref) ?? null;
    if (before !== null && (await standsFor(ledger, before, target, options.abort))) return true;
    const swap = { ref, from: before, to: commit };
    try {
      const giveUp = insist(ledger, `${jobName(target.id)} was not asked to end`);
      if ((await compareAndSwap(shared, swap, new Set([commit]), giveUp)) === 'won') return true;
    } catch (error) {
      // A guard lets nobody ask for what has ended.
      if (error instanceof DstackError && !(await isQueued(ledger, target))) return false;
      throw error;
    }
  }
  return false;
}

async function isQueued({ shared, names }: Ledger, { id, queueEntry }: StopTarget): Promise<boolean> {
  const entries = await shared.list([names.ofRun('queue', id.run)]);
  return entries.get(names.job('queue', id)) === queueEntry;
}

/** Is this request as good as the one that is wanted? One for another queue object is worth nothing. */
async function standsFor(
  ledger: Ledger,
  commit: string,
  target: StopTarget,
  abort: boolean,
): Promise<boolean> {
  const request = await readStopRequest(ledger, commit).catch(() => null);
  return request !== null && request.stop.queue === target.queueEntry && (request.stop.abort || !abort);
}

async function writeRequest(
  ledger: Ledger,
  target: StopTarget,
  options: { abort: boolean; by: string },
): Promise<string> {
  const request: StopFile = {
    format: formatVersion,
    run: target.id.run,
    job: target.id.job,
    queue: target.queueEntry,
    abort: options.abort,
    by: options.by.slice(0, 200),
    nonce: ledger.clock.id(),
  };
  const message = `${options.abort ? 'abort' : 'stop'} ${jobName(target.id)}`;
  const [commit] = await ledger.shared.write([
    {
      parents: [],
      files: [{ path: 'stop.json', content: printFile(request) }],
      message: `${message}\n\nDstack-Format: ${formatVersion}\n`,
      author: signature(ledger),
    },
  ]);
  return commit as string;
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
    const startedAt = ledger.clock.monotonic();
    const live = await reader.look().catch((error: unknown) => {
      silence.forget();
      throw error;
    });
    silence.observe(tipsOf(live.claims), startedAt, ledger.clock.monotonic());
    for (const [key, target] of wanted) {
      const tip = live.claims.get(key);
      const queued = live.queue.get(key)?.commit === target.queueEntry;
      if (tip?.kind === 'finished' || !queued) wanted.delete(key);
      // A request that came after the end was settled would stay for ever.
      if (!queued) await clearRequest(ledger, live, target);
    }
    progress([...wanted.keys()]);
    if (wanted.size === 0) return;
    for (const action of decide(live, silence, new Set())) {
      if (action.do !== 'stop' || !wanted.has(jobName(action.entry.id))) continue;
      if ((await closeJob(ledger, action, claimant)) === 'closed') wanted.delete(jobName(action.entry.id));
    }
    if (wanted.size === 0) continue;
    await wait();
  }
}

async function clearRequest({ shared, names }: Ledger, live: Live, target: StopTarget): Promise<void> {
  const request = live.stops.get(jobName(target.id));
  if (request?.stop.queue !== target.queueEntry) return;
  await shared.push([{ ref: names.job('stops', target.id), from: request.commit, to: null }]);
}

/** The commit each claim points at, for {@link watchSilence}. */
export function tipsOf(claims: ReadonlyMap<string, { commit: string }>): Map<string, string> {
  return new Map([...claims].map(([key, tip]) => [key, tip.commit]));
}
