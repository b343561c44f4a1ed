import type { CommitInput } from '../../git/write-commits.ts';
import { treeOf } from '../claim-commits.ts';
import { formatVersion, printFile } from '../formats.ts';
import { type Ledger, signature } from '../ledger.ts';
import { openStateReader, type StateReader } from '../read-state.ts';
import type { RefNames } from '../refs.ts';
import type { RunView } from '../state.ts';
import { archivedAmong } from './archived-among.ts';
import { cachePath, runPath, shardFile } from './archived-run.ts';
import { chooseRuns, countAll, type FoldLimits, usualLimits } from './choose-runs.ts';
import { writeKeepers } from './keepers.ts';
import { type Archive, type ArchiveTips, lastFolded, openArchive } from './read-archive.ts';

/** A shard that has so many runs gets no more: each of its trees stays small, and what is full is never fetched again. */
const fullShard = 4_096;

/**
 * Archives finished runs, if their refs are many: the oldest go. Anybody may do it, at any time, and be cut off
 * anywhere: first the objects are kept, then the index says where they are, and only what it says loses its refs. Each
 * step is a compare-and-swap; whoever is beaten to it stops, for another is at it.
 * @param reader what it has read before it need not read again
 * @returns how many runs have left their refs; null if a step didn't succeed
 * @throws DstackError if the shared repository can't be reached
 */
export async function fold(
  ledger: Ledger,
  limits: FoldLimits = usualLimits,
  reader: Pick<StateReader, 'readLive'> = openStateReader(ledger),
): Promise<number | null> {
  const { shared, names } = ledger;
  // Where no ref can be deleted none can be saved.
  if (!ledger.host.delete) return 0;
  const archive = openArchive(shared, names);
  const areas = ['runs', 'jobs', 'queue', 'claims', 'stops', 'cache'] as const;
  const refs = await shared.list([...areas.map((area) => names.area(area)), names.notes]);
  let tips = await archive.tips();
  const left = await leftBehind(archive, tips, names, refs);
  if (countAll(names, refs) > limits.most) {
    const { runs } = await reader.readLive();
    const chosen = chooseRuns(names, refs, runs, limits);
    const fresh: RunView[] = [];
    for (const run of chosen) {
      left.add(run.name);
      if ((await archive.find(tips, run.name)) === null) fresh.push(run);
    }
    if (fresh.length > 0) {
      if (!(await add(ledger, archive, tips, fresh, refs))) return null;
      tips = await archive.tips();
    }
  }
  return removeRefs(ledger, archive, tips, left, refs);
}

/** Runs that may have refs though they are archived: whoever archived them was cut off. */
async function leftBehind(
  archive: Archive,
  tips: ArchiveTips,
  names: RefNames,
  refs: ReadonlyMap<string, string>,
): Promise<Set<string>> {
  const left = new Set<string>();
  const withJobs = new Set<string>();
  for (const ref of refs.keys()) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'jobs' && !refs.has(names.run(parsed.run))) left.add(parsed.run);
    if (parsed && 'job' in parsed) withJobs.add(parsed.run);
  }
  // Or a push that came a second time, late, has created it again.
  for (const ref of refs.keys()) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'runs' && !withJobs.has(parsed.run)) left.add(parsed.run);
  }
  const last = tips.size > 0 ? await lastFolded(archive, tips, 1) : [];
  for (const { run } of last) if (refs.has(names.run(run.name))) left.add(run.name);
  return left;
}

/** Keeps what the runs have left, then says so in the index. @returns whether nobody was quicker */
async function add(
  ledger: Ledger,
  archive: Archive,
  tips: ArchiveTips,
  runs: readonly RunView[],
  refs: ReadonlyMap<string, string>,
): Promise<boolean> {
  const { shared, names } = ledger;
  const shard = await shardFor(archive, tips, runs);
  const keepRef = names.archive('keep', shard);
  const before = (await shared.list([keepRef])).get(keepRef) ?? null;
  const keeper = await writeKeepers(ledger, before, runs);
  if (!(await shared.push([{ ref: keepRef, from: before, to: keeper }])).ok) return false;
  const index = await writeIndex(ledger, archive, tips.get(shard) ?? null, runs, keeper, refs);
  const swap = { ref: names.archive('index', shard), from: tips.get(shard) ?? null, to: index };
  return (await shared.push([swap])).ok;
}

/** The newest shard, or a new one. Those who begin one at the same time call it the same: one of them succeeds. */
async function shardFor(archive: Archive, tips: ArchiveTips, runs: readonly RunView[]): Promise<string> {
  const [last, tip] = [...tips].at(-1) ?? [];
  if (last === undefined || tip === undefined) return `000001-${runs[0]?.commit.slice(0, 8)}`;
  const said = await archive.shard(tip);
  if (said !== null && said.runs < fullShard) return last;
  const number = String(Number.parseInt(last, 10) + 1).padStart(6, '0');
  return `${number}${last.slice(last.indexOf('-'))}`;
}

async function writeIndex(
  ledger: Ledger,
  archive: Archive,
  before: string | null,
  runs: readonly RunView[],
  keeper: string,
  refs: ReadonlyMap<string, string>,
): Promise<string> {
  const keys = new Map<string, string[]>();
  for (const [ref, commit] of refs) {
    const parsed = ledger.names.parse(ref);
    if (parsed?.area === 'cache') keys.set(commit, [...(keys.get(commit) ?? []), parsed.name]);
  }
  const files = runs.flatMap((run): CommitInput['files'] => {
    const cache = Object.fromEntries(
      run.jobs.flatMap(({ name, commit }) =>
        (keys.get(commit ?? '') ?? []).map((key) => [key, name] as const),
      ),
    );
    const content = `${JSON.stringify({ format: formatVersion, keeper, cache, run })}\n`;
    return [runPath(run.name), ...Object.keys(cache).map(cachePath)].map((path) => ({ path, content }));
  });
  const said = before === null ? null : await archive.shard(before);
  const shard = {
    format: formatVersion,
    runs: (said?.runs ?? 0) + runs.length,
    folded: runs.map(({ name }) => name),
  };
  if (before !== null) await ledger.shared.obtain([before], { toBuildOn: true });
  const [commit] = await ledger.shared.write([
    {
      parents: before === null ? [] : [before],
      baseTree: before === null ? null : await treeOf(ledger, before),
      files: [...files, { path: shardFile, content: printFile(shard) }],
      message: `${runs.length} runs\n\nDstack-Format: ${formatVersion}\n`,
      author: signature(ledger),
    },
  ]);
  return commit as string;
}

/**
 * Deletes those refs of these runs that the archive has. A run's own ref goes first, and alone: as long as it is there, so are
 * those of its jobs, and whoever finds it has no reason to look further.
 */
async function removeRefs(
  ledger: Ledger,
  archive: Archive,
  tips: ArchiveTips,
  runs: ReadonlySet<string>,
  refs: ReadonlyMap<string, string>,
): Promise<number | null> {
  const { shared, names } = ledger;
  const archived = tips.size === 0 ? [] : await archivedAmong(archive, tips, names, runs, refs);
  const own = archived.filter(({ ref }) => names.parse(ref)?.area === 'runs');
  const others = archived.filter((one) => !own.includes(one));
  const deletes = (found: typeof archived) => found.map(({ ref, id }) => ({ ref, from: id, to: null }));
  if (!(await shared.push(deletes(own))).ok || !(await shared.push(deletes(others))).ok) return null;
  return own.length;
}
