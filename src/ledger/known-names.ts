import { listRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { mirrors, refNames } from './refs.ts';

/**
 * The runs, jobs and tags that are known on this machine, without asking anybody elsewhere: for completion.
 * @param repositories one's own, and shared ones that are on this machine
 * @returns names, sorted; jobs as `RUN/JOB`
 */
export async function knownNames(
  repositories: readonly Pick<Repository, 'gitDir'>[],
  refPrefix: string,
): Promise<{ runs: string[]; jobs: string[]; tags: string[] }> {
  const names = refNames(refPrefix);
  const found = { runs: new Set<string>(), jobs: new Set<string>(), tags: new Set<string>() };
  const areas = (['runs', 'queue', 'jobs', 'tags'] as const).map(names.area);
  for (const { gitDir } of repositories) {
    const refs = await listRefs(gitDir, [...areas, mirrors]);
    for (const ref of refs.keys()) {
      const own = ref.startsWith(`${mirrors}/`) ? ref.split('/').slice(3).join('/') : ref;
      const parsed = names.parse(own);
      if (parsed?.area === 'runs') found.runs.add(parsed.run);
      if (parsed?.area === 'queue' || parsed?.area === 'jobs') found.jobs.add(`${parsed.run}/${parsed.job}`);
      if (parsed?.area === 'tags') found.tags.add(parsed.name);
    }
  }
  return { runs: [...found.runs].sort(), jobs: [...found.jobs].sort(), tags: [...found.tags].sort() };
}
