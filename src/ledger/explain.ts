import type { JobSpec } from '../language/job-spec.ts';
import { type Compare, type Inputs, type KeyedJob, openComparison } from './compare-runs.ts';
import { countDifferences, type Difference } from './differences.ts';
import type { RecordFile } from './formats.ts';
import { imageOf, type MovedImage, movedInputs, sameImage } from './image-identity.ts';
import type { Ledger } from './ledger.ts';
import { type JobId, jobName } from './refs.ts';
import { type RunCommit, readJob, readOutcomes } from './runs.ts';
import { isFinal, isSuccess, type JobState } from './state.ts';

/**
 * Why a job's result is not taken from an earlier run.
 * - `no-cache`: it was asked not to look
 * - `no-key`: an input has no key, so nothing can be found under it
 * - `image-moved`: the same was done before, but what it was made in, or of, is another image of that name
 * - `same-unusable`: the same was done before, but its files are gone
 * - `same-unfinished`, `same-failed`: the same was begun before, but not done
 * - `changed`: nothing earlier had the same inputs
 * - `first`: there is nothing earlier
 */
export type Cause =
  | 'no-cache'
  | 'no-key'
  | 'image-moved'
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
  /** For `image-moved`: which images these are. */
  readonly images: readonly MovedImage[];
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
  const known = new Map<string, Promise<KeyedJob | null>>();
  const jobOf: JobReader = (run, name) => {
    const key = jobName({ run: run.name, job: name });
    const job = known.get(key) ?? readJob(ledger, run, name);
    known.set(key, job);
    return job;
  };
  return async (name) => {
    const job = await after.job(name);
    if (!job) throw new Error(`${after.run} has no job ${name}`);
    const candidates = await candidatesFor(ledger, jobOf, earlier, job, options);
    const twins = job.cacheKey === null ? [] : candidates.filter((one) => one.job.cacheKey === job.cacheKey);
    const apparent = causeOf(job, twins, candidates.length);
    const others = candidates.filter((one) => !twins.includes(one));
    const same = apparent === 'no-cache' ? null : (twins.find(fitting(apparent)) ?? null);
    const images =
      apparent === 'same-unusable' ? await movedSince(ledger, same, { run: after.run, job: name }) : [];
    const cause = images.length > 0 ? 'image-moved' : apparent;
    const done = others.filter(({ record }) => record && isSuccess(record.state));
    const needsNearest = apparent !== 'no-cache' && apparent !== 'same-unusable';
    return {
      cause,
      same: same && earlierJob(same),
      images,
      nearest: needsNearest ? await nearestOf(compare, name, done.length > 0 ? done : others) : null,
      compared: candidates.length,
    };
  };
}

/** The images, a job's own first, that are others than they were; none for one that has not ended: nobody knows its yet. */
async function movedSince(ledger: Ledger, same: Candidate | null, id: JobId): Promise<MovedImage[]> {
  const own = (await readOutcomes(ledger, [id])).get(jobName(id))?.record;
  const earlier = same?.record;
  if (!own || !earlier) return [];
  const images = { before: imageOf(earlier), after: imageOf(own) };
  const moved = sameImage(images.before, images.after) ? [] : [{ job: id.job, image: own.image, ...images }];
  return [...moved, ...(await movedInputs(ledger, earlier, own))];
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

/** The newest jobs that are this one's likeness: of its name, or of a matrix the cell with the same values. */
async function candidatesFor(
  ledger: Ledger,
  jobOf: JobReader,
  earlier: readonly RunCommit[],
  job: KeyedJob,
  { newest, asOf }: { newest: number; asOf: string | null },
): Promise<Candidate[]> {
  const found: { run: RunCommit; name: string }[] = [];
  for (const run of earlier) {
    if (found.length >= newest) break;
    const name = await likeness(jobOf, run, job);
    if (name !== null) found.push({ run, name });
  }
  const ids = found.map(({ run, name }) => ({ run: run.name, job: name }));
  const outcomes = await readOutcomes(ledger, ids);
  const candidates: Candidate[] = [];
  for (const { run, name } of found) {
    const id = { run: run.name, job: name };
    const file = await jobOf(run, name);
    const record = outcomes.get(jobName(id))?.record ?? null;
    // It began later, whatever the clocks of those who submitted them say.
    const later = record !== null && asOf !== null && record.claimedAt > asOf;
    if (file?.spec.workflow !== job.spec.workflow || later) continue;
    const ended = record !== null && (asOf === null || record.finishedAt <= asOf);
    candidates.push({ run, id, job: file, record: ended ? record : null });
  }
  return candidates;
}

type JobReader = (run: RunCommit, name: string) => Promise<KeyedJob | null>;

/** Of more cells than these the one of the same name has to do. */
const mostCells = 100;

async function likeness(
  jobOf: JobReader,
  run: RunCommit,
  { spec, cacheKey }: KeyedJob,
): Promise<string | null> {
  const { jobs } = run.message;
  const namesake = jobs.has(spec.name) ? spec.name : null;
  if (spec.name === spec.workflow) return namesake;
  const cells = [...jobs.keys()].filter((name) => name.startsWith(`${spec.workflow}-`));
  if (cells.length > mostCells) return namesake ?? (cells[0] as string);
  const matrix = matrixOf(spec);
  let likest = namesake ?? cells[0] ?? null;
  for (const name of cells) {
    const cell = await jobOf(run, name);
    if (cell?.spec.workflow !== spec.workflow) continue;
    if (cacheKey !== null && cell.cacheKey === cacheKey) return name;
    if (matrixOf(cell.spec) === matrix) likest = name;
  }
  return likest;
}

const matrixOf = ({ variables }: JobSpec): string =>
  JSON.stringify(Object.entries(variables).filter(([name]) => name.startsWith('matrix.')));

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
