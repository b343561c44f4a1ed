import type { RefNames } from '../refs.ts';
import { isFinal, type RunView } from '../state.ts';

/** How many refs finished runs may have before they are archived, and how many they have afterwards at most. */
export interface FoldLimits {
  readonly most: number;
  readonly rest: number;
}

/** A push is sent all refs: these are some twenty kilobytes. */
export const usualLimits: FoldLimits = { most: 400, rest: 200 };

/** So many commits are kept by one folding, but for a run that alone has more. */
const mostCommits = 5_000;

/**
 * The runs to archive now, oldest first: those that ended, of which nothing is left in the queue or to be settled, and
 * so many that the refs of the others are few. Pure.
 * @param refs all refs of the ledger that are no archive's
 * @param runs newest first
 */
export function chooseRuns(
  names: RefNames,
  refs: ReadonlyMap<string, string>,
  runs: readonly RunView[],
  { most, rest }: FoldLimits,
): RunView[] {
  const refsOf = countRefs(names, refs);
  let left = sum(refsOf);
  if (left <= most) return [];
  const chosen: RunView[] = [];
  let commits = 0;
  for (const run of runs.toReversed()) {
    if (left <= rest) break;
    if (!isAtRest(names, refs, run)) continue;
    commits += 1 + run.jobs.length;
    if (chosen.length > 0 && commits > mostCommits) break;
    chosen.push(run);
    left -= refsOf.get(run.name) ?? 0;
  }
  return chosen;
}

/** How many refs runs have, but for those in the queue and around it. */
export function countAll(names: RefNames, refs: ReadonlyMap<string, string>): number {
  return sum(countRefs(names, refs));
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

/** Refs of what has ended, by run; those of the cache go with the run whose result they point at. */
function countRefs(names: RefNames, refs: ReadonlyMap<string, string>): Map<string, number> {
  const counts = new Map<string, number>();
  const owners = new Map<string, string>();
  const add = (run: string) => counts.set(run, (counts.get(run) ?? 0) + 1);
  const keys: string[] = [];
  for (const [ref, commit] of refs) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'runs') add(parsed.run);
    else if (parsed?.area === 'jobs') {
      // With its note.
      add(parsed.run);
      add(parsed.run);
      owners.set(commit, parsed.run);
    } else if (parsed?.area === 'cache') keys.push(commit);
  }
  for (const commit of keys) {
    const run = owners.get(commit);
    if (run !== undefined) add(run);
  }
  return counts;
}

function isAtRest(names: RefNames, refs: ReadonlyMap<string, string>, run: RunView): boolean {
  return (
    refs.get(names.run(run.name)) === run.commit &&
    run.jobs.length > 0 &&
    run.jobs.every((job) => {
      const id = { run: run.name, job: job.name };
      const isThere = (area: 'queue' | 'claims' | 'stops') => refs.has(names.job(area, id));
      return (
        isFinal(job.state) &&
        job.commit !== null &&
        refs.get(names.job('jobs', id)) === job.commit &&
        !isThere('queue') &&
        !isThere('claims') &&
        !isThere('stops')
      );
    })
  );
}
