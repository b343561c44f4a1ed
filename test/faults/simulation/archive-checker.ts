import { type JobId, jobName, refNames } from '../../../src/ledger/refs.ts';
import type { LedgerState } from '../../../src/ledger/state.ts';
import type { MemoryObjects } from './memory-objects.ts';
import type { Actor } from './world.ts';

/** What an index says of a run. */
interface Archived {
  readonly keeper: string;
  readonly cache: Readonly<Record<string, string>>;
  readonly run: {
    readonly name: string;
    readonly commit: string;
    readonly jobs: readonly { readonly name: string; readonly commit: string | null }[];
  };
}

/** Holds what happens to history against what it has to be: nothing of it is ever lost or changed. */
export interface ArchiveChecker {
  /** A ref of a run, of an outcome, of the cache or of an archive changes. */
  changed(ref: string, from: string | null, to: string | null, by: Actor, late: boolean): void;
  /** What a run's ref points at, or has pointed at before it was archived. */
  commitOf(run: string): string | undefined;
  outcomeOf(id: JobId): string | undefined;
}

/** @param outcomes the commits with which jobs have ended, by `run/job` */
export function createArchiveChecker(
  objects: MemoryObjects,
  outcomes: ReadonlyMap<string, string>,
  violate: (text: string) => void,
): ArchiveChecker {
  const names = refNames();
  const runs = new Map<string, string>();
  const keepers = new Map<string, string>();
  /** By the name of the run, from all indexes. */
  const archived = new Map<string, Archived>();
  const indexed = new Map<string, ReadonlySet<string>>();

  const isKept = (commit: string) => [...keepers.values()].some((tip) => objects.isBuiltOn(tip, commit));
  const jobCommit = (id: JobId) =>
    archived.get(id.run)?.run.jobs.find(({ name }) => name === id.job)?.commit ?? undefined;

  const indexChanged = (shard: string, to: string | null, by: Actor) => {
    const entries = to === null ? [] : objects.blobs(`${to}:runs`).map(parse);
    for (const name of indexed.get(shard) ?? []) {
      if (!entries.some(({ run }) => run.name === name)) violate(`${by.name} lost the archived run ${name}`);
    }
    indexed.set(shard, new Set(entries.map(({ run }) => run.name)));
    for (const entry of entries) {
      const { name, commit, jobs } = entry.run;
      if (runs.get(name) !== commit) violate(`${by.name} archived a run ${name} that never was`);
      if (!isKept(commit)) violate(`nothing keeps the archived run ${name}`);
      for (const job of jobs) {
        const key = jobName({ run: name, job: job.name });
        if (job.commit === null || outcomes.get(key) !== job.commit)
          violate(`${by.name} archived something as the outcome of ${key} that never was`);
        else if (!isKept(job.commit)) violate(`nothing keeps the outcome of ${key}, which is archived`);
      }
      archived.set(name, entry);
    }
  };

  const runChanged = (run: string, from: string | null, to: string | null, by: Actor, late: boolean) => {
    if (to === null) {
      if (archived.get(run)?.run.commit !== from)
        violate(`the run ${run} is lost: ${by.name} deleted its ref, and it is in no archive`);
      return;
    }
    if (from !== null) violate(`the run ${run} was changed`);
    const before = runs.get(run);
    if (before !== undefined && before !== to && !late)
      violate(`${by.name} took the name ${run}, which is that of an archived run`);
    if (!archived.has(run)) runs.set(run, to);
  };

  return {
    changed(ref, from, to, by, late) {
      const name = names.parse(ref);
      if (name?.area === 'runs') runChanged(name.run, from, to, by, late);
      if (name?.area === 'jobs' && to === null && jobCommit(name) !== from)
        violate(`the outcome of ${jobName(name)} is lost: ${by.name} deleted its ref, and no archive has it`);
      if (name?.area === 'cache' && to === null) {
        const isThere = [...archived.values()].some(({ cache }) => name.name in cache);
        if (!isThere) violate(`${by.name} lost what the cache has for ${name.name.slice(-2)}`);
      }
      if (name?.area !== 'archive') return;
      if (name.part === 'index') indexChanged(name.shard, to, by);
      else if (to === null || (from !== null && !objects.isBuiltOn(to, from)))
        violate(`${by.name} let go of what an archive keeps`);
      else keepers.set(name.shard, to);
    },
    commitOf: (run) => runs.get(run),
    outcomeOf: jobCommit,
  };
}

function parse(blob: Buffer): Archived {
  return JSON.parse(blob.toString('utf8')) as Archived;
}

/** What is wrong with how a reader was shown a run, of which these jobs had ended before he looked; null: nothing. */
export function misread(
  run: string,
  commit: string,
  ended: ReadonlyMap<string, string>,
  state: LedgerState,
): string | null {
  const found = state.runs.filter(({ name }) => name === run);
  const [shown] = found;
  if (found.length > 1) return `was shown the run ${run} twice`;
  if (!shown) return `was not shown the run ${run}`;
  if (shown.commit !== commit) return `was shown another run as ${run}`;
  for (const [job, outcome] of ended) {
    if (shown.jobs.find(({ name }) => name === job)?.commit !== outcome)
      return `was not shown the outcome of ${jobName({ run, job })}`;
  }
  return null;
}
