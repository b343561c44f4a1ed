import type { RefNames } from '../refs.ts';
import type { Archive, ArchiveTips } from './read-archive.ts';

/**
 * Those refs of these runs that aren't needed any more, since the archive has what they point at: their own, their jobs',
 * the notes on them, and those of the cache.
 */
export async function archivedAmong(
  archive: Archive,
  tips: ArchiveTips,
  names: RefNames,
  runs: ReadonlySet<string>,
  refs: ReadonlyMap<string, string>,
): Promise<{ ref: string; id: string }[]> {
  const archived: { ref: string; id: string }[] = [];
  const add = (ref: string) => {
    const id = refs.get(ref);
    if (id !== undefined) archived.push({ ref, id });
  };
  const outcomes = new Set<string>();
  for (const run of runs) {
    const found = await archive.find(tips, run);
    // Another run of that name can't be; but nothing is given up that isn't kept.
    if (found === null || (refs.get(names.run(run)) ?? found.run.commit) !== found.run.commit) continue;
    add(names.run(run));
    for (const { name, commit } of found.run.jobs) {
      const id = { run, job: name };
      if (commit !== null) outcomes.add(commit);
      if ((refs.get(names.job('jobs', id)) ?? commit) !== commit) continue;
      add(names.job('jobs', id));
      add(names.note(id));
    }
  }
  for (const [ref, commit] of refs) {
    if (names.parse(ref)?.area === 'cache' && outcomes.has(commit)) add(ref);
  }
  return archived;
}

/** Runs that have a ref of their own, or of a job. */
export function runsOf(names: RefNames, refs: ReadonlyMap<string, string>): Set<string> {
  const runs = new Set<string>();
  for (const ref of refs.keys()) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'runs' || parsed?.area === 'jobs') runs.add(parsed.run);
  }
  return runs;
}
