import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { DstackError } from '../errors.ts';
import { initBareRepository, type Repository } from '../git/repository.ts';
import { isSound, looksSound, startAnew } from '../git/soundness.ts';
import { findStaleLocks, gitProcessesIn, removeStaleLocks } from '../git/stale-locks.ts';
import type { RunnerFolders } from './folders.ts';

/** For so long a Git process that a killed runner has left may still take to end; milliseconds. */
const patienceMs = 10_000;

/**
 * Opens the two repositories of a runner: made if need be, without the locks that a killed one left, begun anew if
 * damaged. Nothing in them is only there. Only for who holds the runner's lock.
 */
export async function openOwnRepositories(
  folders: Pick<RunnerFolders, 'cache' | 'ledger'>,
  objectFormat: Repository['objectFormat'],
  log: Pick<Logger, 'warn'>,
): Promise<{ cache: Repository; own: Repository }> {
  // The cache can be large, and what is wrong in it shows when a snapshot is fetched or checked out.
  const cache = await openOwn(folders.cache, objectFormat, looksSound, log);
  return { cache, own: await openOwn(folders.ledger, objectFormat, isSound, log) };
}

async function openOwn(
  gitDir: string,
  objectFormat: Repository['objectFormat'],
  check: (repository: Repository) => Promise<boolean>,
  log: Pick<Logger, 'warn'>,
): Promise<Repository> {
  const expected = {
    gitDir,
    commonDir: gitDir,
    objectDir: join(gitDir, 'objects'),
    workTree: null,
    objectFormat,
  };
  if (existsSync(gitDir)) {
    await removeLeftLocks(expected, log);
    await removeSetAside(gitDir);
  }
  const opened = await initBareRepository(gitDir, { objectFormat }).catch((error: unknown) => {
    if (error instanceof DstackError && error.code === 'disk-full') throw error;
    return null;
  });
  if (opened && (await check({ ...opened, objectFormat }))) return opened;
  log.warn({ repository: gitDir }, 'it was damaged and is begun anew: what was in it is fetched again');
  return startAnew(expected);
}

/** The lock on the runner's folder says that nobody else is at work here but what a killed runner has started. */
async function removeLeftLocks(repository: Repository, log: Pick<Logger, 'warn'>): Promise<void> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const locks = await findStaleLocks(repository, { olderThan: -1 });
    if (locks.length === 0) return;
    const busy = await gitProcessesIn(repository);
    if (busy.length === 0) {
      await removeStaleLocks(locks);
      log.warn({ locks }, 'removed lock files that an earlier runner of this name had left');
      return;
    }
    if (performance.now() > until) {
      log.warn(
        { locks, processes: busy },
        'Git processes of an earlier runner of this name still hold locks',
      );
      return;
    }
    await sleep(100);
  }
}

/** What was damaged, and whose removal was interrupted. */
async function removeSetAside(gitDir: string): Promise<void> {
  const folder = dirname(gitDir);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(gitDir)}.`)) continue;
    await rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 });
  }
}
