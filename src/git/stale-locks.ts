import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import type { Repository } from './repository.ts';

/** No Git process of ours holds a lock for longer; what is older was left by one that was killed. Seconds. */
export const staleAfter = 60;

/** Lock files that a killed Git left in a repository: each blocks what it locks until it is removed. */
export async function findStaleLocks(repository: Repository, now = Date.now()): Promise<string[]> {
  const patterns = ['*.lock', 'refs/**/*.lock', 'objects/info/*.lock', 'logs/**/*.lock'];
  const found = await glob(patterns, { cwd: repository.commonDir, dot: true, followSymbolicLinks: false });
  const stale: string[] = [];
  for (const name of found.sort()) {
    const path = join(repository.commonDir, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > staleAfter * 1000) stale.push(path);
  }
  return stale;
}

export async function removeStaleLocks(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}
