import { watchFirstSeen } from './first-seen.ts';
import type { QueueEntry } from './live.ts';
import { jobName } from './refs.ts';

/** By what jobs that wait are put in order. */
export interface Standing {
  /** The higher, the earlier; 0 unless somebody has said otherwise. */
  readonly priority: number;
  /** Since when it waits, as far as that is believed; milliseconds since 1970. */
  readonly since: number;
  /** When it was submitted, as its submitter says; milliseconds since 1970. */
  readonly submittedAt: number;
}

/** No submitter's clock gives his jobs more of a head start than this over others seen at the same time; milliseconds. */
const longestBelieved = 60 * 60_000;

/**
 * Which of two jobs comes first: by priority, then by age. 0: they are as good as each other, as those of one run are.
 */
export function compareStandings(a: Standing, b: Standing): number {
  return b.priority - a.priority || compare(a.since, b.since) || compare(a.submittedAt, b.submittedAt);
}

/**
 * Tells the standing of jobs, without trusting anybody's clock: a job is no younger than this observer knows it, and
 * not much older. Who says that he submitted tomorrow is not passed over for ever, and who says 1970 comes before
 * others only for a while. To be called with all that one look has shown.
 * @param now milliseconds since 1970
 */
export function watchStandings(
  now: () => number,
): (entries: readonly QueueEntry[]) => ReadonlyMap<string, Standing> {
  const seen = watchFirstSeen(now);
  return (entries) => {
    const seenAt = seen.note(entries.map(({ id }) => jobName(id)));
    return new Map(
      entries.map(({ id, job, submittedAt }) => {
        const key = jobName(id);
        const at = seenAt.get(key) ?? now();
        const since = Math.min(at, Math.max(submittedAt, at - longestBelieved));
        return [key, { priority: job.priority ?? 0, since, submittedAt }];
      }),
    );
  };
}

/** Times can be infinite. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
