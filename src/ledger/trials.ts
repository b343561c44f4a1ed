import type { Ledger } from './ledger.ts';
import { type Measurements, measurementOf } from './measurements.ts';
import type { MeasuredReader } from './read-measured.ts';
import { readJob, readRun } from './runs.ts';
import type { JobState, JobView, RunView } from './state.ts';

/** A job as one of several that are compared: what it was given, and what came of it. */
export interface Trial {
  readonly run: string;
  readonly job: string;
  readonly workflow: string;
  readonly state: JobState;
  readonly runner: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** With those of a cell of a matrix, as `matrix.NAME`. */
  readonly variables: Readonly<Record<string, string>>;
  /** The last values of what it measured. */
  readonly metrics: Measurements;
}

/** A run, or a job of it, whose jobs are compared. */
export interface TrialSource {
  readonly ledger: Ledger;
  readonly run: RunView;
  readonly job: string | null;
  readonly reader: MeasuredReader;
}

/**
 * The jobs to compare: those that were named; of runs those of one workflow, or of all workflows that measured something in
 * any of them, also the jobs that failed before they did. Of a run without such jobs, those of what was asked for.
 */
export async function readTrials(
  sources: readonly TrialSource[],
  workflow: string | undefined,
): Promise<Trial[]> {
  const measured = await Promise.all(sources.map(({ reader, run, job }) => reader.read(run, job)));
  const metrics = new Map(measured.flat().map(({ run, job, last }) => [`${run}/${job}`, last]));
  const measuring = new Set(
    sources.flatMap(({ run }) =>
      run.jobs.flatMap((job) => (metrics.has(`${run.name}/${job.name}`) ? [job.workflow] : [])),
    ),
  );
  const trials = new Map<string, Trial>();
  for (const source of sources) {
    const { ledger, run } = source;
    const jobs = chosen(source, workflow, measuring);
    if (jobs.length === 0) continue;
    await ledger.shared.obtain([run.commit]);
    const commit = await readRun(ledger, run.name, run.commit);
    for (const job of jobs) {
      const spec = commit ? (await readJob(ledger, commit, job.name))?.spec : null;
      const key = `${run.name}/${job.name}`;
      trials.set(key, trialOf(job, spec?.variables ?? {}, metrics.get(key) ?? {}));
    }
  }
  return [...trials.values()];
}

function chosen(
  { run, job }: TrialSource,
  workflow: string | undefined,
  measuring: ReadonlySet<string>,
): readonly JobView[] {
  if (job !== null) return run.jobs.filter(({ name }) => name === job);
  if (workflow !== undefined) return run.jobs.filter((one) => one.workflow === workflow);
  const found = run.jobs.filter((one) => measuring.has(one.workflow));
  return found.length > 0 ? found : run.jobs.filter((one) => one.workflow === run.workflow);
}

function trialOf(job: JobView, variables: Readonly<Record<string, string>>, metrics: Measurements): Trial {
  const { run, name, workflow, state, runner, startedAt, finishedAt } = job;
  return { run, job: name, workflow, state, runner, startedAt, finishedAt, variables, metrics };
}

const matrixPrefix = 'matrix.';

/**
 * Its variables by the names that compare with those of others: the values of a cell of a matrix count as variables of
 * those names, so that a sweep stands beside a run of the same training.
 */
export function givenTo({ variables }: Trial): Trial['variables'] {
  const given = new Map<string, string>();
  for (const [name, value] of Object.entries(variables))
    if (!name.startsWith(matrixPrefix) && !Object.hasOwn(variables, `${matrixPrefix}${name}`))
      given.set(name, value);
    else if (name.startsWith(matrixPrefix)) given.set(name.slice(matrixPrefix.length), value);
  return Object.fromEntries(given);
}

/** What a person means by a name: a metric, a variable, or what every job has. */
export function trialValue(trial: Trial, name: string): Measurements[string] | undefined {
  const facts = { run: trial.run, job: trial.job, workflow: trial.workflow, state: trial.state };
  return (
    measurementOf(trial.metrics, name) ??
    measurementOf(givenTo(trial), name) ??
    measurementOf(trial.variables, name) ??
    measurementOf({ ...facts, runner: trial.runner ?? '' }, name)
  );
}

/** The names by which something is known of any of them. */
export function trialNames(trials: readonly Trial[]): string[] {
  const names = trials.flatMap((trial) => [
    ...Object.keys(trial.metrics),
    ...Object.keys(givenTo(trial)),
    ...Object.keys(trial.variables),
  ]);
  return [...new Set([...names, 'run', 'job', 'workflow', 'state', 'runner'])];
}

/** A value as a number, whether it was measured or given as text; NaN: it is none. */
export function asNumber(value: Measurements[string] | undefined): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}
