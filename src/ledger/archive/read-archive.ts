import type { z } from 'zod';
import { parseCommit, parseTree } from '../../git/object-reader.ts';
import type { Repository } from '../../git/repository.ts';
import { parseFile } from '../formats.ts';
import { isName } from '../names.ts';
import type { JobId, RefNames } from '../refs.ts';
import type { SharedRepository } from '../shared-repository.ts';
import {
  type ArchivedRun,
  archivedRunSchema,
  cachePath,
  runPath,
  runsFolder,
  type Shard,
  shardFile,
  shardSchema,
  shardSizeSchema,
} from './archived-run.ts';

/** The commits of all indexes at one moment, by shard: the oldest shard first. */
export type ArchiveTips = ReadonlyMap<string, string>;

/** Reads the runs that have left their own refs. What isn't there is null; so is what can't be read. */
export interface Archive {
  /** @throws DstackError if the shared repository can't be reached */
  tips(): Promise<ArchiveTips>;
  find(tips: ArchiveTips, run: string): Promise<ArchivedRun | null>;
  /** The job whose result a key of the cache stands for, and its finished commit. */
  findKey(tips: ArchiveTips, key: string): Promise<{ id: JobId; commit: string } | null>;
  /** The names of runs that begin so, in order. */
  beginningWith(tips: ArchiveTips, start: string): Promise<string[]>;
  /** How many runs there are. */
  count(tips: ArchiveTips): Promise<number>;
  /**
   * The commits by which runs came into the archive since this one (null: all), the oldest first.
   * @returns null if it is none of them
   */
  foldings(tips: ArchiveTips, since: string | null): Promise<string[] | null>;
  /** The same commits, the newest first, read one by one as they are asked for. */
  newestFoldings(tips: ArchiveTips): AsyncIterable<string>;
  /** The runs that came by one of those commits, the oldest first. */
  folded(commit: string): Promise<ArchivedRun[]>;
  /** What an index says of itself. */
  shard(commit: string): Promise<Shard | null>;
}

/** So many names that are in no archive are remembered. */
const mostMissing = 20_000;

export function openArchive(
  shared: Pick<SharedRepository, 'list' | 'read'> & { readonly local: Pick<Repository, 'objectFormat'> },
  names: RefNames,
): Archive {
  const idBytes = shared.local.objectFormat === 'sha256' ? 32 : 20;

  /** What commits don't have, for they never will. */
  const missing = new Set<string>();
  const readFile = async <T>(schema: z.ZodType<T>, name: string): Promise<T | null> => {
    if (missing.has(name)) return null;
    const blob = await shared.read(name);
    if (blob?.type !== 'blob') {
      if (missing.size >= mostMissing) missing.clear();
      missing.add(name);
      return null;
    }
    try {
      return parseFile(schema, name, blob.content);
    } catch {
      return null;
    }
  };
  const readRun = (name: string): Promise<ArchivedRun | null> => readFile(archivedRunSchema, name);
  const shard = (commit: string) => readFile(shardSchema, `${commit}:${shardFile}`);
  const namesIn = async (tree: string): Promise<string[]> => {
    const object = await shared.read(tree);
    return object?.type === 'tree' ? parseTree(object.content, idBytes).map((entry) => entry.name) : [];
  };
  const parents = new Map<string, string | null>();
  const parentOf = async (commit: string): Promise<string | null> => {
    const known = parents.get(commit);
    if (known !== undefined) return known;
    const object = await shared.read(commit);
    if (object?.type !== 'commit') return null;
    const parent = parseCommit(object.content).parents[0] ?? null;
    parents.set(commit, parent);
    return parent;
  };
  async function* newestFoldings(tips: ArchiveTips): AsyncGenerator<string> {
    for (const tip of [...tips.values()].reverse())
      for (let commit: string | null = tip; commit !== null; commit = await parentOf(commit)) yield commit;
  }
  /**
   * The newest shard first: of what is in several, what came last counts. What isn't there is mostly nowhere, so the others
   * are asked all at once and not one after the other's answer.
   */
  const inAny = async <T>(
    tips: ArchiveTips,
    look: (commit: string) => Promise<T | null>,
  ): Promise<T | null> => {
    const [newest, ...others] = [...tips.values()].reverse();
    if (newest === undefined) return null;
    const there = await look(newest);
    if (there !== null) return there;
    return (await Promise.all(others.map(look))).find((found) => found !== null) ?? null;
  };

  return {
    shard,
    newestFoldings,
    tips: async () => archiveTips(names, await shared.list([names.archive('index')])),
    find: (tips, run) =>
      inAny(tips, async (commit) => {
        const found = await readRun(`${commit}:${runPath(run)}`);
        return found?.run.name === run ? found : null;
      }),
    findKey: (tips, key) =>
      inAny(tips, async (commit) => {
        const found = await readRun(`${commit}:${cachePath(key)}`);
        const job = found?.run.jobs.find(({ name }) => name === found.cache[key]);
        return job?.commit ? { id: { run: job.run, job: job.name }, commit: job.commit } : null;
      }),
    async beginningWith(tips, start) {
      const found = new Set<string>();
      for (const commit of tips.values()) {
        const folders = (await namesIn(`${commit}:${runsFolder}`)).filter(
          (folder) => folder.startsWith(start.slice(0, 2)) || start.startsWith(folder),
        );
        for (const folder of folders) {
          for (const name of await namesIn(`${commit}:${runsFolder}/${folder}`))
            if (isName(name) && name.startsWith(start)) found.add(name);
        }
      }
      return [...found].sort();
    },
    async count(tips) {
      const sizes = [...tips.values()].map((commit) => readFile(shardSizeSchema, `${commit}:${shardFile}`));
      const shards = await Promise.all(sizes);
      return shards.reduce((sum, one) => sum + (one?.runs ?? 0), 0);
    },
    async foldings(tips, since) {
      const found: string[] = [];
      for await (const commit of newestFoldings(tips)) {
        if (commit === since) return found.reverse();
        found.push(commit);
      }
      return since === null ? found.reverse() : null;
    },
    async folded(commit) {
      const said = await shard(commit);
      const runs = await Promise.all((said?.folded ?? []).map((run) => readRun(`${commit}:${runPath(run)}`)));
      return runs.flatMap((run) => run ?? []);
    },
  };
}

/** The commits of the indexes among refs that were listed. */
export function archiveTips(names: RefNames, refs: ReadonlyMap<string, string>): ArchiveTips {
  const tips = [...refs].flatMap(([ref, commit]): [string, string][] => {
    const parsed = names.parse(ref);
    return parsed?.area === 'archive' && parsed.part === 'index' ? [[parsed.shard, commit]] : [];
  });
  return new Map(tips.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The runs that were folded last: at least so many, if there are; the newest folding first. */
export async function lastFolded(
  archive: Archive,
  tips: ArchiveTips,
  atLeast: number,
): Promise<ArchivedRun[]> {
  const found: ArchivedRun[] = [];
  for await (const commit of archive.newestFoldings(tips)) {
    if (found.length >= atLeast) break;
    found.push(...(await archive.folded(commit)).reverse());
  }
  return found;
}
