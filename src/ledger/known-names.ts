import { listRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import { mirrors, refNames } from './refs.ts';
import { parseRunMessage } from './run-message.ts';

/** Names, sorted. */
export interface KnownNames {
  readonly runs: string[];
  /** As `RUN/JOB`, and as `:TAG/JOB` of those that are tagged. */
  readonly jobs: string[];
  readonly tags: string[];
  /** The workflow of a run, or of the one tagged `:TAG`; null if it isn't known here. */
  workflowOf(run: string): Promise<string | null>;
}

/**
 * The runs, jobs and tags that are known on this machine, without asking anybody elsewhere: for completion.
 * @param repositories one's own, and shared ones that are on this machine
 */
export async function knownNames(
  repositories: readonly Pick<Repository, 'gitDir'>[],
  refPrefix: string,
): Promise<KnownNames> {
  const names = refNames(refPrefix);
  /** Commits of runs and tags, and where each of them is. */
  const runs = new Map<string, string>();
  const tags = new Map<string, string>();
  const homes = new Map<string, string>();
  const found = new Set<string>();
  const areas = (['runs', 'queue', 'jobs', 'tags'] as const).map(names.area);
  for (const { gitDir } of repositories) {
    const refs = await listRefs(gitDir, [...areas, mirrors]);
    for (const [ref, commit] of refs) {
      const own = ref.startsWith(`${mirrors}/`) ? ref.split('/').slice(3).join('/') : ref;
      const parsed = names.parse(own);
      if (parsed?.area === 'runs') runs.set(parsed.run, commit);
      if (parsed?.area === 'queue' || parsed?.area === 'jobs') found.add(`${parsed.run}/${parsed.job}`);
      if (parsed?.area === 'tags') tags.set(parsed.name, commit);
      homes.set(commit, gitDir);
    }
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
  return {
    runs: [...runs.keys()].sort(),
    jobs: jobs.sort(),
    tags: [...tags.keys()].sort(),
    workflowOf: async (run) => {
      const commit = run.startsWith(':') ? tags.get(run.slice(1)) : runs.get(run);
      const gitDir = commit === undefined ? undefined : homes.get(commit);
      if (commit === undefined || gitDir === undefined) return null;
      const { exitCode, stdout } = await runGit(['log', '-1', '--format=%B', commit], { gitDir });
      return exitCode === 0 ? (parseRunMessage(stdout.toString())?.workflow ?? null) : null;
    },
  };
}
