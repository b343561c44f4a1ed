import { diskFull, saysDiskFull } from '../disk-full.ts';
import type { Execution } from '../executor/executor.ts';
import type { Allotment } from '../ledger/allotments.ts';
import { acquireClaim } from '../ledger/claims.ts';
import type { Lease } from '../ledger/decide.ts';
import type { Seen } from '../ledger/gangs/fate.ts';
import type { Gang } from '../ledger/gangs/formats.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { notCarriedThrough } from '../ledger/reasons.ts';
import { jobName } from '../ledger/refs.ts';
import { carryOut, type JobEnd } from './carry-out.ts';
import { type GangCourse, type LeadingCourse, openGangCourse } from './gang-course.ts';
import type { Ending } from './job-outcome.ts';
import { keepLease } from './lease-keeper.ts';
import { concludeUnexecuted } from './publish.ts';
import { setFrozen } from './set-frozen.ts';
import { timeLimit } from './time-limit.ts';
import type { Workplace } from './workplace.ts';

/** A hand on a job that is being executed. */
export interface JobControl {
  /** Ends it: in order, or at once and without saving artifacts. */
  stop(how: 'stop' | 'abort', by: string): void;
  /** The runner leaves: ends it, saves what it leaves, and gives it back. */
  giveBack(): void;
  /** There is no time for that: it is given back at once, with what was saved before. */
  hurry(): void;
  /** It is one node of several. */
  readonly leads: boolean;
  /** What a look has shown of the other nodes of its job. */
  see(seen: Seen): void;
  /** Resolves when nothing of it is left here. */
  readonly ended: Promise<JobEnd>;
}

/**
 * Claims a job and sees it through: inputs in place, commands, log, artifacts, the one commit point, settling.
 * @param silent claims of other jobs from which no result is to be expected
 * @param gang with whom, if it is for several nodes
 * @returns null if the claim was not won
 */
export async function executeJob(
  work: Workplace,
  entry: QueueEntry,
  over: Lease | null,
  allotment: Allotment,
  silent: ReadonlySet<string>,
  gang: Gang | null = null,
): Promise<JobControl | null> {
  const acquired = await acquireClaim(
    work.ledger,
    entry,
    gang ? { ...work.claimant, gang } : work.claimant,
    over,
  );
  if (acquired.result !== 'won') return null;
  let execution: Execution | null = null;
  const hurry = new AbortController();
  const graceOf = (kind: Ending['kind']) => (kind === 'abort' ? 0 : work.grace);
  const ending: Ending = { kind: null, by: '' };
  const others: GangCourse | null = gang && openGangCourse(work, acquired.holder, { ending });
  const course: LeadingCourse = {
    ending,
    gang: others,
    lost: false,
    frozen: false,
    begun: false,
    leaving: false,
    allotment,
    silent,
    hurry: hurry.signal,
    limit: timeLimit(entry.job.spec.timeout, () => end('timeout', '')),
    started(value) {
      execution = value;
      if (course.frozen) setFrozen(work, entry.id, value, true);
      if (course.ending.kind !== null) void value.stop(graceOf(course.ending.kind));
    },
    begin() {
      course.begun = true;
      course.limit.start();
    },
  };
  const end = (kind: NonNullable<Ending['kind']>, by: string) => {
    // The first one counts, but for an abort.
    if (ending.kind === 'abort' || (ending.kind !== null && kind !== 'abort')) return;
    ending.kind = kind;
    ending.by = by;
    others?.cut();
    void execution?.stop(graceOf(kind));
  };
  const keeper = keepLease(
    acquired.holder,
    {
      freeze() {
        work.log.warn(
          { job: jobName(entry.id) },
          'out of contact: the job is frozen until its lease is renewed',
        );
        course.frozen = true;
        course.limit.pause();
        setFrozen(work, entry.id, execution, true);
      },
      thaw() {
        work.log.info({ job: jobName(entry.id) }, 'in contact again: the job goes on');
        course.frozen = false;
        course.limit.resume();
        setFrozen(work, entry.id, execution, false);
      },
      lost() {
        work.log.warn({ job: jobName(entry.id) }, 'another runner has the job: it is ended here');
        course.lost = true;
        end('abort', 'its runner, which had lost the claim');
      },
    },
    work.ledger.clock,
  );
  const ended = carryOut(work, acquired.holder, over, course)
    .catch((error: unknown) => {
      work.log.error(
        { job: jobName(entry.id), error: String((error as Error).stack) },
        'a job could not be carried through',
      );
      if (course.lost) return 'lost' as const;
      const { message } = error as Error;
      const words = saysDiskFull(message) ? diskFull(work.folder).message : message;
      const reason = notCarriedThrough(words);
      return concludeUnexecuted(work, acquired.holder, course, reason);
    })
    // Not even that: the claim runs out, and another runner takes over.
    .catch(() => 'lost' as const)
    .finally(() => {
      keeper.stop();
      course.limit.end();
    });
  return {
    stop: end,
    giveBack() {
      course.leaving = true;
      end('give-back', 'its runner, which is leaving');
    },
    hurry() {
      if (course.ending.kind !== 'give-back') return;
      hurry.abort(new Error('its runner had no time for it'));
      void execution?.stop(0);
    },
    leads: gang !== null,
    see: (seen) => others?.see(seen),
    ended,
  };
}
