import { formatDuration } from '../human-units.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { decide } from '../ledger/decide.ts';
import type { Live } from '../ledger/live.ts';
import { jobName } from '../ledger/refs.ts';
import type { SilenceWatch } from '../ledger/silence.ts';

/** A runner that is in time has renewed by then: a part of its lease. */
const inTime = 0.5;

/** What a runner sees and has, at one moment. */
export interface Situation {
  readonly live: Live;
  readonly silence: SilenceWatch;
  /** Keys of its own jobs. */
  readonly jobs: readonly string[];
  readonly concurrency: number;
  /** What it has offered itself for, that has not begun, in words; null: nothing. */
  readonly gathers?: string | null;
  /** It takes no more. */
  readonly ending: boolean;
  /** What it keeps room for, and what that lacks now, as a clause about the job. */
  readonly keepsRoomFor: { readonly job: string; readonly lacking: string } | null;
  /** Why it leaves such a job to others; null: it doesn't. */
  unfitFor(spec: JobSpec): string | null;
}

/** `matter` stays the same while only the `words`, a line for people after "waits for", change. */
export interface Waiting {
  readonly matter:
    | 'end'
    | 'room'
    | 'slot'
    | 'lease'
    | 'fitting'
    | 'dependencies'
    | 'nodes'
    | 'others'
    | 'work';
  readonly words: string;
}

/** What a runner waits for, as a pure function of what it sees; null: it has something to do and room for more. */
export function waitingFor(situation: Situation): Waiting | null {
  const { live, jobs, concurrency, ending } = situation;
  if (ending) return jobs.length > 0 ? { matter: 'end', words: 'the end of what it has' } : null;
  const kept = situation.keepsRoomFor;
  if (kept) return { matter: 'room', words: `room for ${kept.job}, which ${kept.lacking}` };
  const ready = decide(live, situation.silence, new Set(jobs)).flatMap((action) =>
    action.do === 'execute' ? [action.entry] : [],
  );
  const unfit = ready.flatMap((entry) => {
    const reason = situation.unfitFor(entry.job.spec);
    return reason === null ? [] : [{ job: jobName(entry.id), reason }];
  });
  const fitting = ready.length - unfit.length;
  if (jobs.length >= concurrency) {
    return fitting > 0
      ? { matter: 'slot', words: `a free slot: ${count(fitting)} in the queue could run here` }
      : null;
  }
  if (fitting > 0) return null;
  if (situation.gathers) return { matter: 'nodes', words: situation.gathers };
  const lease = nextLease(situation);
  if (lease) return { matter: 'lease', words: lease };
  if (jobs.length > 0) return null;
  const [first] = unfit.sort((a, b) => (a.job < b.job ? -1 : 1));
  if (first) {
    const more = unfit.length > 1 ? `, and ${unfit.length - 1} more` : '';
    return { matter: 'fitting', words: `a job that can run here: ${first.job} ${first.reason}${more}` };
  }
  const queued = live.queue.size;
  if (queued === 0) return { matter: 'work', words: 'work: the queue is empty' };
  const unclaimed = [...live.queue.keys()].filter((key) => !live.claims.has(key)).length;
  return unclaimed > 0
    ? { matter: 'dependencies', words: `what ${count(unclaimed)} in the queue must come after` }
    : { matter: 'others', words: 'work: others have all that is in the queue' };
}

/** The next lease that will run out if its runner, which is late, stays silent. */
function nextLease({ live, silence, jobs, unfitFor }: Situation): string | null {
  const late = [...live.claims].flatMap(([key, tip]) => {
    const entry = live.queue.get(key);
    if (tip.kind !== 'claim' || !entry || jobs.includes(key) || unfitFor(entry.job.spec) !== null) return [];
    const silent = silence.silentFor(key, tip.commit);
    const left = tip.claim.lease - silent;
    return silent > tip.claim.lease * inTime && left > 0 ? [{ key, runner: tip.claim.runner, left }] : [];
  });
  const [next] = late.sort((a, b) => a.left - b.left);
  return next
    ? `the lease of ${next.key}: taken over in ${formatDuration(next.left * 1000)} if ${next.runner} stays silent`
    : null;
}

function count(jobs: number): string {
  return jobs === 1 ? '1 job' : `${jobs} jobs`;
}
