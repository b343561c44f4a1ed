import type { ClaimFile, RecordFile } from './formats.ts';
import type { Live, QueueEntry } from './live.ts';
import { dependencyFailed } from './reasons.ts';
import { type JobId, jobName } from './refs.ts';
import { mayFollow } from './retries.ts';
import { makersByKey, othersOf } from './same-key.ts';
import type { SilenceWatch } from './silence.ts';
import { isSuccess } from './state.ts';

export interface Lease {
  readonly commit: string;
  readonly claim: ClaimFile;
}

/** What a runner (or `dstack stop`) may do next about one job. `over`: a claim that waits, or whose lease has run out. */
export type Action =
  | { readonly do: 'settle'; readonly id: JobId; readonly commit: string; readonly record: RecordFile }
  | { readonly do: 'skip'; readonly entry: QueueEntry; readonly over: Lease | null; readonly because: string }
  | {
      readonly do: 'stop';
      readonly entry: QueueEntry;
      readonly over: Lease | null;
      readonly abort: boolean;
      readonly by: string;
    }
  | { readonly do: 'give-up'; readonly entry: QueueEntry; readonly over: Lease }
  /** For several nodes: it begins once so many runners have offered themselves. */
  | { readonly do: 'gather'; readonly entry: QueueEntry; readonly over: Lease | null }
  | { readonly do: 'execute'; readonly entry: QueueEntry; readonly over: Lease | null };

/**
 * What can be done in a ledger, as a pure function of what was read and for how long it has stood so.
 * Settling comes first, jobs to execute come last; which of these a runner tries first is its own business.
 * @param own keys of jobs that this runner holds: they are no business of this function
 */
export function decide(live: Live, silence: SilenceWatch, own: ReadonlySet<string>): Action[] {
  const settle: Action[] = [];
  const close: Action[] = [];
  const execute: Extract<Action, { do: 'execute' | 'gather' }>[] = [];
  for (const [key, tip] of live.claims) {
    if (tip.kind !== 'finished' || own.has(key)) continue;
    settle.push({
      do: 'settle',
      id: { run: tip.record.run, job: tip.record.job },
      commit: tip.commit,
      record: tip.record,
    });
  }
  const makers = makersByKey(live, silence, own);
  for (const [key, entry] of live.queue) {
    const tip = live.claims.get(key);
    if (own.has(key) || tip?.kind === 'finished' || live.unreadableClaims.has(key)) continue;
    const over = tip ? { commit: tip.commit, claim: tip.claim } : null;
    const request = live.stops.get(key);
    const stop = request?.stop.queue === entry.commit ? request.stop : null;
    // What waits for another attempt is nobody's, so that its end has to wait for nothing.
    const isFree = over === null || (stop !== null && over.claim.state === 'waiting');
    if (!isFree && silence.silentFor(key, over.commit) < over.claim.lease) continue;
    const outcome = live.finished.get(key);
    if (outcome) {
      // A queue entry beside a record is what a crash left of settling.
      settle.push({ do: 'settle', id: entry.id, commit: outcome.commit, record: outcome.record });
      continue;
    }
    if (stop) {
      close.push({ do: 'stop', entry, over, abort: stop.abort, by: stop.by });
      continue;
    }
    const blocked = dependencies(live, entry);
    if (blocked === 'waiting') continue;
    if (blocked !== null) close.push({ do: 'skip', entry, over, because: blocked.because });
    else if (over && !mayFollow(entry.job.spec, over.claim)) close.push({ do: 'give-up', entry, over });
    // Another job that gives the same is under way: its result is waited for.
    else if (!othersOf(makers, entry).some(({ silent }) => !silent))
      execute.push({ do: isForGang(entry) ? 'gather' : 'execute', entry, over });
  }
  for (const [key, { commit, record }] of live.finished) {
    // A lease or a stop beside a record is what a call that came late has left.
    const left = live.stops.has(key) || live.claims.get(key)?.kind === 'claim';
    if (left && !live.queue.has(key) && !own.has(key)) {
      settle.push({ do: 'settle', id: { run: record.run, job: record.job }, commit, record });
    }
  }
  return [...settle, ...close, ...execute];
}

/** Is it for several nodes? */
export function isForGang({ job }: QueueEntry): boolean {
  return job.spec.nodes !== undefined;
}

/** Null: all have succeeded. A job of another run was resolved when this one was submitted. */
function dependencies(live: Live, entry: QueueEntry): null | 'waiting' | { because: string } {
  let waiting = false;
  for (const { run, job } of entry.job.spec.dependsOn) {
    if (run !== null) continue;
    const key = jobName({ run: entry.id.run, job });
    const tip = live.claims.get(key);
    const record = tip?.kind === 'finished' ? tip.record : live.finished.get(key)?.record;
    if (!record) waiting = true;
    else if (!isSuccess(record.state)) return { because: dependencyFailed(record) };
  }
  return waiting ? 'waiting' : null;
}
