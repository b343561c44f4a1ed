import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { glob } from 'tinyglobby';
import type { Repository } from './repository.ts';

/** No Git process of ours holds a lock for longer; what is older was left by one that was killed. Seconds. */
export const staleAfter = 60;

/** Where Git puts lock files in a repository's folder, and in the scratch repository inside it. */
const patterns = ['*.lock', 'refs/**/*.lock', 'objects/info/**/*.lock', 'logs/**/*.lock'];
const everywhere = [...patterns, ...patterns.map((pattern) => `dstack/scratch.git/${pattern}`)];

/** Lock files that a killed Git left in a repository: each blocks what it locks until it is removed. */
export async function findStaleLocks(
  repository: Pick<Repository, 'commonDir'>,
  { now = Date.now(), olderThan = staleAfter, below = everywhere } = {},
): Promise<string[]> {
  const options = { cwd: repository.commonDir, dot: true, followSymbolicLinks: false };
  const found = await glob([...below], options);
  const stale: string[] = [];
  for (const name of found.sort()) {
    const path = join(repository.commonDir, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
    if (now - mtimeMs > olderThan * 1000) stale.push(path);
  }
  return stale;
}

export async function removeStaleLocks(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

/** Git's commands that take no locks; some of them live for as long as a runner does. */
const readers = /^(cat-file|upload-pack|for-each-ref|rev-list|pack-objects|log|show|daemon)$/;

/**
 * Pids of this machine's Git processes that work in a repository and may hold a lock there. None where /proc can't
 * tell; those of other machines, on a shared file system, can't be seen at all.
 * @param begunBefore milliseconds since 1970: what began later holds no lock that is older than that
 */
export async function gitProcessesIn(
  { commonDir }: Pick<Repository, 'commonDir'>,
  begunBefore = Number.POSITIVE_INFINITY,
): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    try {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
      if (!/(^|\/)git(-[a-z-]+)?$/.test(words[0] ?? '') || words.some((word) => readers.test(word))) continue;
      const folder = await readlink(`/proc/${pid}/cwd`);
      const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
      const isThere = (path: string) => path === commonDir || path.startsWith(`${commonDir}${sep}`);
      if (
        isThere(folder) ||
        environment.some((entry) => entry.startsWith('GIT_DIR=') && isThere(entry.slice(8)))
      ) {
        if ((await beginningOf(pid)) <= begunBefore) found.push(Number(pid));
      }
    } catch {
      // It has ended, or it is another user's.
    }
  }
  return found;
}

/** When a process began, in milliseconds since 1970, to about a tenth of a second. */
async function beginningOf(pid: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const uptime = await readFile('/proc/uptime', 'utf8');
  // Field 22, counted from behind the name, which can hold anything: hundredths of a second since the boot.
  const start = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) * 10;
  return Date.now() - Number(uptime.split(' ')[0]) * 1000 + start;
}
