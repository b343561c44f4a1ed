import { openObjectReader } from '../git/object-reader.ts';
import { listRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import { type Archive, type ArchiveTips, archiveTips, openArchive } from './archive/read-archive.ts';
import { mirrors, type RefNames, refNames } from './refs.ts';
import { parseRunMessage } from './run-message.ts';

type KnownRepository = Pick<Repository, 'gitDir' | 'objectFormat'>;

/** Names, sorted. */
export interface KnownNames {
  readonly runs: string[];
  /** As `RUN/JOB`, and as `:TAG/JOB` of those that are tagged. */
  readonly jobs: string[];
  readonly tags: string[];
  /** The archived runs whose names begin so, if any can be told from the others by that; after a `/` their jobs. */
  archived(start: string): Promise<string[]>;
  /** The workflow of a run, or of the one tagged `:TAG`; null if it isn't known here. */
  workflowOf(run: string): Promise<string | null>;
}

/** From so many letters on the names of archived runs are looked up. */
const fewestLetters = 2;

/**
 * The runs, jobs and tags that are known on this machine, without asking anybody elsewhere: for completion.
 * @param repositories one's own, and shared ones that are on this machine
 */
export async function knownNames(
  repositories: readonly KnownRepository[],
  refPrefix: string,
): Promise<KnownNames> {
  const names = refNames(refPrefix);
  /** Commits of runs and tags, and where each of them is. */
  const runs = new Map<string, string>();
  const tags = new Map<string, string>();
  const homes = new Map<string, string>();
  const found = new Set<string>();
  const indexes: { repository: KnownRepository; tips: ArchiveTips }[] = [];
  const areas = (['runs', 'queue', 'jobs', 'tags', 'archive'] as const).map(names.area);
  for (const repository of repositories) {
    const { gitDir } = repository;
    const own = new Map<string, string>();
    const refs = await listRefs(gitDir, [...areas, mirrors]);
    for (const [ref, commit] of refs) {
      const name = ref.startsWith(`${mirrors}/`) ? ref.split('/').slice(3).join('/') : ref;
      const parsed = names.parse(name);
      if (parsed?.area === 'archive') own.set(name, commit);
      if (parsed?.area === 'runs') runs.set(parsed.run, commit);
      if (parsed?.area === 'queue' || parsed?.area === 'jobs') found.add(`${parsed.run}/${parsed.job}`);
      if (parsed?.area === 'tags') tags.set(parsed.name, commit);
      homes.set(commit, gitDir);
    }
    indexes.push({ repository, tips: archiveTips(names, own) });
  }
  const tagsOf = new Map<string, string[]>();
  for (const [run, commit] of runs) {
    tagsOf.set(
      run,
      [...tags.keys()].filter((tag) => tags.get(tag) === commit),
    );
  }
  const jobs = [...found].flatMap((name) => {
    const [run = '', job = ''] = name.split('/');
    return [name, ...(tagsOf.get(run) ?? []).map((tag) => `:${tag}/${job}`)];
  });
  const lookInArchives = async <Found>(look: LookInArchive<Found>): Promise<Found[]> => {
    const found: Found[] = [];
    for (const { tips, repository } of indexes)
      if (tips.size > 0) found.push(...(await readArchive(repository, names, tips, look)));
    return found;
  };
  return {
    runs: [...runs.keys()].sort(),
    jobs: jobs.sort(),
    tags: [...tags.keys()].sort(),
    async archived(start) {
      const [run = '', job] = start.split('/');
      // Whoever has typed nothing is not shown thousands.
      if (run.length < fewestLetters) return [];
      const words = await lookInArchives(async (archive, tips) => {
        if (job === undefined) return archive.beginningWith(tips, run);
        return ((await archive.find(tips, run))?.run.jobs ?? []).map(({ name }) => `${run}/${name}`);
      });
      return [...new Set(words)].sort();
    },
    workflowOf: async (run) => {
      const commit = run.startsWith(':') ? tags.get(run.slice(1)) : runs.get(run);
      const gitDir = commit === undefined ? undefined : homes.get(commit);
      if (commit === undefined || gitDir === undefined) {
        const found = await lookInArchives(async (archive, tips) => [await archive.find(tips, run)]);
        return found.find((one) => one !== null)?.run.workflow ?? null;
      }
      const { exitCode, stdout } = await runGit(['log', '-1', '--format=%B', commit], { gitDir });
      return exitCode === 0 ? (parseRunMessage(stdout.toString())?.workflow ?? null) : null;
    },
  };
}

type LookInArchive<Found> = (archive: Archive, tips: ArchiveTips) => Promise<Found[]>;

/** Looks into the archive of a repository by the objects that are in it. */
async function readArchive<Found>(
  repository: KnownRepository,
  names: RefNames,
  tips: ArchiveTips,
  look: LookInArchive<Found>,
): Promise<Found[]> {
  const reader = openObjectReader(repository.gitDir);
  const list = (prefixes: readonly string[]) => listRefs(repository.gitDir, prefixes);
  try {
    return await look(openArchive({ list, read: reader.read, local: repository }, names), tips);
  } finally {
    reader.close();
  }
}
