import { keeperMessage } from '../archive/archived-run.ts';
import type { Change, Push } from './change.ts';
import { changesIn } from './folder-changes.ts';
import { most, mostKeepers } from './limits.ts';
import { type Commit, refuse } from './objects.ts';

interface NewKeeper {
  readonly tree: string;
  readonly kept: readonly string[];
}

/**
 * Keepers are a chain by their first parents. Each new one keeps what runs have left that are there, and nothing else;
 * its tree has the logs of these as notes, beside those that it had before.
 */
export async function checkKeeper({ push, old, next }: Change): Promise<void> {
  if (!next) refuse('only an admin deletes what the archive keeps');
  push.needs('runner', 'admin');
  const known = await whatMayBeKept(push);
  const keepers = await newKeepers(push, old, next, known);
  if (keepers.every(({ kept }) => kept.length === 0)) refuse('it keeps nothing that is new');
  const runs = new Map<string, number>();
  let before = old?.tree;
  for (const { tree, kept } of keepers.reverse()) {
    // Notes can come later than what they are on: those of one keeper are no more than a folding holds in memory.
    for (const commit of kept) {
      const run = known.get(commit);
      if (run) runs.set(commit, (await push.run(run))?.message?.jobs.size ?? 0);
    }
    for (const { path, id } of await changesIn(push.objects, 'its notes', before, tree)) {
      const jobs = runs.get(path.replace('/', ''));
      if (jobs === undefined || path[2] !== '/') refuse(`it has the note ${path}, on no run that it keeps`);
      await push.objects.bounded(id, most.note * jobs, `the note ${path}`);
    }
    before = tree;
  }
}

/** What runs and outcomes there are, by their commits; of a run its name. */
async function whatMayBeKept({ names, objects }: Push): Promise<Map<string, string | null>> {
  const known = new Map<string, string | null>();
  for (const [ref, commit] of await objects.tips()) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'runs') known.set(commit, parsed.run);
    else if (parsed?.area === 'jobs') known.set(commit, null);
  }
  return known;
}

/** From the newest one back to the keeper that is there, or, if there is none, to the first of all. */
async function newKeepers(
  push: Push,
  old: Commit | null,
  next: Commit,
  known: ReadonlyMap<string, string | null>,
): Promise<NewKeeper[]> {
  const keepers: NewKeeper[] = [];
  for (let keeper: Commit | null = next; keeper && keepers.length < mostKeepers; ) {
    if (keeper.message !== keeperMessage) refuse('it is no keeper of an archive');
    const [first]: readonly string[] = keeper.parents;
    const isFirst: boolean = first === undefined || known.has(first);
    const kept: readonly string[] = isFirst ? keeper.parents : keeper.parents.slice(1);
    const strange = kept.find((commit) => !known.has(commit));
    if (strange !== undefined) refuse(`it keeps ${strange}, which is neither a run nor an outcome here`);
    keepers.push({ tree: keeper.tree, kept });
    if (isFirst ? old === null : first === old?.id) return keepers;
    keeper = isFirst ? null : await push.objects.commit(first as string);
  }
  refuse('it is not built on the keeper that is there');
}

/**
 * Checks that the chain of keepers that is there, from these ones backwards, keeps these commits.
 * @param keepers by commit
 * @param ref of the chain
 * @throws `refused-by-guard`
 */
export async function checkKept(
  push: Push,
  ref: string,
  keepers: ReadonlyMap<string, string>,
): Promise<void> {
  const missing = new Map(keepers);
  const passed = new Set<string>();
  let id: string | null = await push.objects.tip(ref);
  for (let steps = 0; missing.size > 0; steps += 1) {
    const keeper: Commit | null = id === null || steps >= mostKeepers ? null : await push.objects.commit(id);
    if (keeper?.message !== keeperMessage) break;
    passed.add(keeper.id);
    for (const parent of keeper.parents) if (passed.has(missing.get(parent) ?? '')) missing.delete(parent);
    id = keeper.parents[0] ?? null;
  }
  for (const [commit, keeper] of missing) {
    if (!passed.has(keeper)) refuse(`its keeper ${keeper} is none of ${ref}, as that is there`);
    refuse(`its keeper ${keeper} does not keep ${commit}`);
  }
}
