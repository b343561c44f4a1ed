import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { initBareRepository, openRepository, type Repository } from './repository.ts';
import { runGit } from './run-git.ts';

/**
 * Whether a bare repository is one at all: of this object format, with refs and borders that can be read. Costs two
 * short processes.
 */
export async function looksSound({ gitDir, objectFormat }: Repository): Promise<boolean> {
  const repository = await openRepository(gitDir).catch(() => null);
  if (repository?.objectFormat !== objectFormat || repository.workTree !== null) return false;
  // Broken refs are only warned of; a list of borders that can't be read is noticed by whatever walks history.
  const refs = await runGit(['for-each-ref', '--format=%(objectname)'], { gitDir });
  const walk = await runGit(['rev-list', '--max-count=1', '--all'], { gitDir });
  return [refs, walk].every(({ exitCode, stderr }) => exitCode === 0 && stderr === '');
}

/** Whether everything in it is there and is what its name says. Reads all of it: for when something has failed. */
export async function isSound(repository: Repository): Promise<boolean> {
  if (!(await looksSound(repository))) return false;
  const { gitDir } = repository;
  const checked = await runGit(['fsck', '--full', '--no-dangling', '--no-progress'], { gitDir });
  return checked.exitCode === 0;
}

/** Whether Git's words can be about a repository of ours that is damaged; `isSound` tells for sure. */
export function speaksOfDamage(words: string): boolean {
  return /bad (object|shallow|ref)|corrupt|failed to unpack tree|unable to (read|unpack|parse|find)|missing (blob|tree|commit|object)|all necessary objects|inflate|not a git repository|unterminated|broken ref|reference broken|packfile|could not read [0-9a-f]{40}|not a valid|does not match any/i.test(
    words,
  );
}

/** Puts an empty repository in the place of a bare one, whose objects can be had again elsewhere. */
export async function startAnew({ gitDir, objectFormat }: Repository): Promise<Repository> {
  const aside = `${gitDir}.${randomUUID()}`;
  await rename(gitDir, aside);
  try {
    return await initBareRepository(gitDir, { objectFormat });
  } finally {
    await rm(aside, { recursive: true, force: true, maxRetries: 3 });
  }
}
