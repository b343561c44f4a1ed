import type { JobSpec } from '../language/job-spec.ts';
import { type Compare, type Inputs, type KeyedJob, openComparison } from './compare-runs.ts';
import { countDifferences, type Difference } from './differences.ts';
import type { RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { type JobId, jobName } from './refs.ts';
import { type RunCommit, readJob, readOutcomes } from './runs.ts';
import { isFinal, isSuccess, type JobState } from './state.ts';

/**
 * Why a job's result is not taken from an earlier run.
 * - `no-cache`: it was asked not to look
 * - `no-key`: an input has no key, so nothing can be found under it
 * - `same-unusable`: the same was done before, but its files are gone
 * - `same-unfinished`, `same-failed`: the same was begun before, but not done
 * - `changed`: nothing earlier had the same inputs
 * - `first`: there is nothing earlier
 */
export type Cause =
  | 'no-cache'
  | 'no-key'
  | 'same-unusable'
  | 'same-unfinished'
  | 'same-failed'
  | 'changed'
  | 'first';

export interface EarlierJob {
  readonly id: JobId;
  /** Null if it has not ended. */
  readonly state: JobState | null;
  readonly finishedAt: string | null;
}

export interface Explanation {
  readonly cause: Cause;
  /** The job with the same inputs, for the causes that are about one. */
  readonly same: EarlierJob | null;
  /** Among the newest runs the one that differs least, and in what. */
  readonly nearest: (EarlierJob & { readonly differences: readonly Difference[] }) | null;
  /** So many earlier jobs of this name were compared. */
  readonly compared: number;
}

interface Candidate {
  readonly run: RunCommit;
  readonly id: JobId;
  readonly job: KeyedJob;
  readonly record: RecordFile | null;
}

/**
 * Explains jobs of one run by what earlier runs had.
 * @param earlier newest first
 * @param options.newest so many of them are compared, for each job
 * @param options.asOf what ended later counts as unfinished; ISO 8601
 */
export function openExplainer(
  ledger: Ledger,
  after: Inputs,
  earlier: readonly RunCommit[],
  options: { newest: number; asOf: string | null },
): (job: string) => Promise<Explanation> {
  const compare = openComparison(ledger, after);
  return async (name) => {
    const job = await after.job(name);
    if (!job) throw new Error(`${after.run} has no job ${name}`);
    const candidates = await candidatesFor(ledger, earlier, job.spec, options);
    const twins = job.cacheKey === null ? [] : candidates.filter((one) => one.job.cacheKey === job.cacheKey);
    const cause = causeOf(job, twins, candidates.length);
    const others = candidates.filter((one) => !twins.includes(one));
    const same = cause === 'no-cache' ? null : (twins.find(fitting(cause)) ?? null);
    const done = others.filter(({ record }) => record && isSuccess(record.state));
    const needsNearest = cause !== 'no-cache' && cause !== 'same-unusable';
    return {
      cause,
      same: same && earlierJob(same),
      nearest: needsNearest ? await nearestOf(compare, name, done.length > 0 ? done : others) : null,
      compared: candidates.length,
    };
  };
}

const fitting =
  (cause: Cause) =>
  ({ record }: Candidate): boolean =>
    cause === 'same-unusable'
      ? record !== null && isSuccess(record.state)
      : cause === 'same-unfinished'
        ? record === null
        : true;

function causeOf(job: KeyedJob, twins: readonly Candidate[], candidates: number): Cause {
  if (!job.useCache) return 'no-cache';
  if (job.cacheKey === null) return 'no-key';
  for (const cause of ['same-unusable', 'same-unfinished', 'same-failed'] as const) {
    if (twins.some(fitting(cause))) return cause;
  }
  return candidates > 0 ? 'changed' : 'first';
}

function earlierJob({ id, record }: Candidate): EarlierJob {
  return {
    id,
    state: record && isFinal(record.state) ? record.state : null,
    finishedAt: record?.finishedAt ?? null,
  };
}

/** The newest jobs of this name; where there are none, of a matrix the newest of another cell. */
async function candidatesFor(
  ledger: Ledger,
  earlier: readonly RunCommit[],
  spec: JobSpec,
  { newest, asOf }: { newest: number; asOf: string | null },
): Promise<Candidate[]> {
  const namesakes = earlier.filter(({ message }) => message.jobs.has(spec.name)).slice(0, newest);
  const ids =
    namesakes.length > 0 || spec.name === spec.workflow
      ? namesakes.map((run) => ({ run, job: spec.name }))
      : earlier
          .flatMap((run) => {
            const cell = [...run.message.jobs.keys()].find((name) => name.startsWith(`${spec.workflow}-`));
            return cell === undefined ? [] : [{ run, job: cell }];
          })
          .slice(0, newest);
  const outcomes = await readOutcomes(
    ledger,
    ids.map(({ run, job }) => ({ run: run.name, job })),
  );
  const found = await Promise.all(
    ids.map(async ({ run, job }): Promise<Candidate | null> => {
      const id = { run: run.name, job };
      const file = await readJob(ledger, run, job);
      if (file?.spec.workflow !== spec.workflow) return null;
      const record = outcomes.get(jobName(id))?.record ?? null;
      // It began later, whatever the clocks of those who submitted them say.
      if (record && asOf !== null && record.claimedAt > asOf) return null;
      const ended = record !== null && (asOf === null || record.finishedAt <= asOf);
      return { run, id, job: file, record: ended ? record : null };
    }),
  );
  return found.flatMap((one) => one ?? []);
}

async function nearestOf(
  compare: Compare,
  name: string,
  candidates: readonly Candidate[],
): Promise<Explanation['nearest']> {
  let nearest: Explanation['nearest'] = null;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const differences = await compare(candidate.run, { before: candidate.id.job, after: name });
    const count = countDifferences(differences);
    // Of equals the newest.
    if (count >= fewest) continue;
    fewest = count;
    nearest = { ...earlierJob(candidate), differences };
  }
  return nearest;
}
