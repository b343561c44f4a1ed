import { decodePath } from '../git/raw-path.ts';
import { type ChangedFile, diffTrees, listTree } from '../git/trees.ts';
import { fileFilter } from '../language/file-filter.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { compareSpecs, type Difference } from './differences.ts';
import type { Ledger } from './ledger.ts';
import { jobName } from './refs.ts';
import { type RunCommit, readJob } from './runs.ts';

/** A run whose jobs are compared with those of earlier ones: one that was submitted, or is only planned. */
export interface Inputs {
  readonly run: string;
  /** Its snapshot. */
  readonly tree: string;
  job(name: string): Promise<KeyedJob | null>;
}

export interface KeyedJob {
  readonly spec: JobSpec;
  readonly cacheKey: string | null;
  readonly useCache: boolean;
}

/** Compares jobs of a run with those of an earlier one; what both snapshots are is then in the local repository. */
export type Compare = (before: RunCommit, names: { before: string; after: string }) => Promise<Difference[]>;

/** What of a run has changed from earlier ones, job by job, each change followed to where it began. */
export function openComparison(ledger: Ledger, after: Inputs): Compare {
  const changesFrom = changedFiles(ledger, after.tree);
  const compare = async (
    before: Inputs,
    names: { before: string; after: string },
    told: Set<string>,
  ): Promise<Difference[]> => {
    const [old, now] = await Promise.all([before.job(names.before), after.job(names.after)]);
    if (!old || !now) return [];
    const files = (await changesFrom(before.tree, old.spec.files, now.spec.files)).map(
      ({ path, change }): Difference => ({ kind: 'file', path: decodePath(path), change }),
    );
    const own = compareSpecs({ run: before.run, spec: old.spec }, { run: after.run, spec: now.spec });
    return [...own, ...files, ...(await compareDependencies(before, old, now, told))];
  };
  const compareDependencies = async (before: Inputs, old: KeyedJob, now: KeyedJob, told: Set<string>) => {
    const [had, has] = [dependenciesOf(old.spec), dependenciesOf(now.spec)];
    const differences: Difference[] = [];
    for (const name of new Set([...had, ...has])) {
      const change = had.has(name) ? (has.has(name) ? 'changed' : 'removed') : 'added';
      if (change !== 'changed') differences.push({ kind: 'dependency', name, change, because: [] });
      // Of an earlier run: it is as it was.
      else if (!name.includes('/')) {
        const [was, is] = await Promise.all([before.job(name), after.job(name)]);
        if (was && is && was.cacheKey !== null && was.cacheKey === is.cacheKey) continue;
        const first = !told.has(name);
        told.add(name);
        const because = first ? await compare(before, { before: name, after: name }, told) : null;
        differences.push({ kind: 'dependency', name, change, because });
      }
    }
    return differences;
  };
  return async (before, names) => {
    await ledger.shared.obtain([before.commit]);
    return compare(inputsOf(ledger, before), names, new Set());
  };
}

const dependenciesOf = (spec: JobSpec): Set<string> =>
  new Set(spec.dependsOn.map(({ run, job }) => (run === null ? job : jobName({ run, job }))));

/** A run that was submitted, as one whose inputs can be compared. */
export function inputsOf(ledger: Ledger, run: RunCommit): Inputs {
  return { run: run.name, tree: run.tree, job: (name) => readJob(ledger, run, name) };
}

/** The files that a job depends on and that are not the same in an earlier snapshot. */
function changedFiles(ledger: Ledger, after: string) {
  const { local } = ledger.shared;
  const whole = new Map<string, Promise<ChangedFile[]>>();
  const differing = async (before: string) => (before === after ? [] : diffTrees(local, before, after));
  return async (before: string, old: JobSpec['files'], now: JobSpec['files']): Promise<ChangedFile[]> => {
    if (sameFiles(old, now)) {
      const changes = whole.get(before) ?? differing(before);
      whole.set(before, changes);
      return now === null ? changes : (await changes).filter(belongsTo(now));
    }
    const [had, has] = await Promise.all([entriesOf(local, before, old), entriesOf(local, after, now)]);
    return [...new Set([...had.keys(), ...has.keys()])].sort().flatMap((path): ChangedFile[] => {
      if (!had.has(path)) return [{ path, change: 'added' }];
      if (!has.has(path)) return [{ path, change: 'removed' }];
      return had.get(path) === has.get(path) ? [] : [{ path, change: 'changed' }];
    });
  };
}

const sameFiles = (a: JobSpec['files'], b: JobSpec['files']): boolean =>
  JSON.stringify(a && [a.include, a.exclude]) === JSON.stringify(b && [b.include, b.exclude]);

function belongsTo(files: NonNullable<JobSpec['files']>): (file: { path: string }) => boolean {
  const matches = fileFilter(files);
  return ({ path }) => matches(decodePath(path));
}

async function entriesOf(
  local: Ledger['shared']['local'],
  tree: string,
  files: JobSpec['files'],
): Promise<Map<string, string>> {
  const listing = await listTree(local, tree);
  const seen = files === null ? listing : listing.filter(belongsTo(files));
  return new Map(seen.map(({ path, entry }) => [path, entry]));
}
