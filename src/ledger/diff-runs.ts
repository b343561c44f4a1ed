import { decodePath } from '../git/raw-path.ts';
import { diffTrees } from '../git/trees.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { compareSpecs, type Difference } from './differences.ts';
import type { Ledger } from './ledger.ts';
import { jobName } from './refs.ts';
import { readJob, readRun } from './runs.ts';
import { compareSettings } from './setting-differences.ts';
import type { JobView, RunView } from './state.ts';

/** A run that is compared with another one, or one of its jobs. */
export interface Side {
  readonly ledger: Ledger;
  readonly run: RunView;
  /** Null: all of them. */
  readonly job: string | null;
}

/** A job of two runs. */
export interface JobPair {
  readonly name: string;
  /** Null: there is none of this name. */
  readonly before: JobView | null;
  readonly after: JobView | null;
  /** What was asked for, where both are known; files are not among it. */
  readonly differences: readonly Difference[];
}

export interface RunDifferences {
  readonly files: readonly {
    readonly path: string;
    readonly change: 'added' | 'removed' | 'changed';
  }[];
  /** The commits that the snapshots are on top of; null: none, or not known. */
  readonly bases: { readonly before: string | null; readonly after: string | null };
  readonly jobs: readonly JobPair[];
}

/**
 * What differs between two runs: their snapshots, which are then in the local repository, and each job of one with that of
 * the same name of the other. Where a job is named on both sides, those two.
 */
export async function diffRuns(before: Side, after: Side): Promise<RunDifferences> {
  const { local } = after.ledger.shared;
  await before.ledger.shared.obtain([before.run.commit]);
  await after.ledger.shared.obtain([after.run.commit]);
  const [old, now] = await Promise.all(
    [before, after].map(({ ledger, run }) => readRun(ledger, run.name, run.commit)),
  );
  const specOf = async ({ ledger }: Side, run: typeof old, job: JobView | null) =>
    run && job ? ((await readJob(ledger, run, job.name))?.spec ?? null) : null;
  const jobs: JobPair[] = [];
  for (const { name, ...pair } of pairsOf(before, after)) {
    const specs = await Promise.all([specOf(before, old, pair.before), specOf(after, now, pair.after)]);
    const differences = compare(before.run.name, after.run.name, specs);
    jobs.push({ name, ...pair, differences });
  }
  const files = await diffTrees(local, before.run.commit, after.run.commit);
  return {
    files: files.map(({ path, change }) => ({ path: decodePath(path), change })),
    bases: { before: old?.parent ?? null, after: now?.parent ?? null },
    jobs,
  };
}

/** In the order of the newer run, then those that only the other one has. */
function pairsOf(before: Side, after: Side): Omit<JobPair, 'differences'>[] {
  const [old, now] = [before, after].map(({ run, job }) =>
    run.jobs.filter(({ name }) => job === null || name === job),
  ) as [JobView[], JobView[]];
  const [first, second] = [old[0], now[0]];
  if (before.job !== null && after.job !== null && first && second) {
    const name = first.name === second.name ? first.name : `${first.name}, ${second.name}`;
    return [{ name, before: first, after: second }];
  }
  // Who names a job of one run means the same of the other.
  const only = before.job ?? after.job;
  const names = new Set([...now, ...old].map(({ name }) => name));
  return [...names]
    .filter((name) => only === null || name === only)
    .map((name) => ({
      name,
      before: old.find((job) => job.name === name) ?? null,
      after: now.find((job) => job.name === name) ?? null,
    }));
}

function compare(
  before: string,
  after: string,
  [old = null, now = null]: readonly (JobSpec | null)[],
): Difference[] {
  if (!old || !now) return [];
  const [had, has] = [dependenciesOf(old), dependenciesOf(now)];
  const dependencies = [...new Set([...had, ...has])].flatMap((name): Difference[] => {
    if (had.has(name) && has.has(name)) return [];
    return [{ kind: 'dependency', name, change: had.has(name) ? 'removed' : 'added', because: [] }];
  });
  const inputs = compareSpecs({ run: before, spec: old }, { run: after, spec: now });
  return [...inputs, ...compareSettings(old, now), ...dependencies];
}

const dependenciesOf = ({ dependsOn }: JobSpec): Set<string> =>
  new Set(dependsOn.map(({ run, job }) => (run === null ? job : jobName({ run, job }))));
