import { createHash } from 'node:crypto';
import type { ClaimFile, RecordFile } from './formats.ts';
import type { Live, QueueEntry } from './live.ts';
import { type JobId, jobName } from './refs.ts';
import type { SilenceWatch } from './silence.ts';
import { isSuccess } from './state.ts';

/** Attempts that a job gets if its runners die: the first and two more. */
export const attemptLimit = 3;

export interface Lease {
  readonly commit: string;
  readonly claim: ClaimFile;
}

/** What a runner (or `dstack stop`) may do next about one job. `over`: a claim whose lease has run out. */
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
  | { readonly do: 'execute'; readonly entry: QueueEntry; readonly over: Lease | null };

/**
 * What can be done in a ledger, as a pure function of what was read and for how long it has stood so.
 * Settling comes first; jobs to execute come last, in an order that differs from runner to runner (rendezvous
 * hashing: Thaler and Ravishankar 1998), so that idle runners do not all run at the same job.
 * @param instance the runner's own, for that order
 * @param own keys of jobs that this runner holds: they are no business of this function
 */
export function decide(
  live: Live,
  silence: SilenceWatch,
  instance: string,
  own: ReadonlySet<string>,
): Action[] {
  const settle: Action[] = [];
  const close: Action[] = [];
  const execute: Extract<Action, { do: 'execute' }>[] = [];
  for (const [key, tip] of live.claims) {
    if (tip.kind !== 'finished' || own.has(key)) continue;
    settle.push({
      do: 'settle',
      id: { run: tip.record.run, job: tip.record.job },
      commit: tip.commit,
      record: tip.record,
    });
  }
  for (const [key, entry] of live.queue) {
    const tip = live.claims.get(key);
    if (own.has(key) || tip?.kind === 'finished' || live.unreadableClaims.has(key)) continue;
    const over = tip ? { commit: tip.commit, claim: tip.claim } : null;
    if (over && silence.silentFor(key, over.commit) < over.claim.lease) continue;
    const outcome = live.finished.get(key);
    if (outcome) {
      // A queue entry beside a record is what a crash left of settling.
      settle.push({ do: 'settle', id: entry.id, commit: outcome.commit, record: outcome.record });
      continue;
    }
    const request = live.stops.get(key);
    const stop = request?.stop.queue === entry.commit ? request.stop : null;
    if (stop) {
      close.push({ do: 'stop', entry, over, abort: stop.abort, by: stop.by });
      continue;
    }
    const blocked = dependencies(live, entry);
    if (blocked === 'waiting') continue;
    if (blocked !== null) close.push({ do: 'skip', entry, over, because: blocked.because });
    else if (over && over.claim.attempt >= attemptLimit) close.push({ do: 'give-up', entry, over });
    else execute.push({ do: 'execute', entry, over });
  }
  for (const [key, { commit, record }] of live.finished) {
    // A lease or a stop beside a record is what a call that came late has left.
    const left = live.stops.has(key) || live.claims.get(key)?.kind === 'claim';
    if (left && !live.queue.has(key) && !own.has(key)) {
      settle.push({ do: 'settle', id: { run: record.run, job: record.job }, commit, record });
    }
  }
  const weights = new Map(execute.map((action) => [action, weight(instance, jobName(action.entry.id))]));
  execute.sort((a, b) => ((weights.get(a) as string) < (weights.get(b) as string) ? -1 : 1));
  return [...settle, ...close, ...execute];
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
    else if (!isSuccess(record.state))
      return { because: `${job} ${record.state === 'skipped' ? 'was skipped' : `ended as ${record.state}`}` };
  }
  return waiting ? 'waiting' : null;
}

function weight(instance: string, key: string): string {
  return createHash('sha256').update(`${instance}\0${key}`).digest('hex');
}
