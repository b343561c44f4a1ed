import { listRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { mirrors, refNames } from './refs.ts';

/**
 * The runs and tags that are known on this machine, without asking anybody elsewhere: for completion.
 * @param repositories one's own, and shared ones that are on this machine
 * @returns names, sorted
 */
export async function knownNames(
  repositories: readonly Pick<Repository, 'gitDir'>[],
  refPrefix: string,
): Promise<{ runs: string[]; tags: string[] }> {
  const names = refNames(refPrefix);
  const found = { runs: new Set<string>(), tags: new Set<string>() };
  for (const { gitDir } of repositories) {
    const refs = await listRefs(gitDir, [names.area('runs'), names.area('tags'), mirrors]);
    for (const ref of refs.keys()) {
      const own = ref.startsWith(`${mirrors}/`) ? ref.split('/').slice(3).join('/') : ref;
      const parsed = names.parse(own);
      if (parsed?.area === 'runs') found.runs.add(parsed.run);
      if (parsed?.area === 'tags') found.tags.add(parsed.name);
    }
  }
  return { runs: [...found.runs].sort(), tags: [...found.tags].sort() };
}
