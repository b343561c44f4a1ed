import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Where a runner keeps what outlives a job, by the XDG base directory specification. */
export interface RunnerFolders {
  /** Its object cache, a bare repository with the snapshots of runs, without the history behind them. */
  readonly cache: string;
  /**
   * What it writes and pushes, another bare repository: not the cache, since a push from a shallow repository that
   * deletes a ref makes a receive-pack with `receive.shallowUpdate` crash (Git 2.39).
   */
  readonly ledger: string;
  /** Work folders of its jobs. */
  readonly work: string;
  /** Held by the process that uses these folders. */
  readonly lock: string;
  /** Which processes have been this runner, the last of them the one that holds the lock. */
  readonly instances: string;
  /** Which runs are still to be shown on a forge. */
  readonly reports: string;
  /** Files that jobs need, of all runners of this user. */
  readonly inputs: string;
  /** Folders that jobs leave for the next ones, of all runners of this user. */
  readonly setup: string;
}

/** @param location of the shared repository: two of them share nothing */
export function runnerFolders(
  location: string,
  runner: string,
  env: NodeJS.ProcessEnv = process.env,
): RunnerFolders {
  const base = cacheFolder(env);
  const key = createHash('sha256').update(location).digest('hex').slice(0, 12);
  const own = join(base, key, runner);
  return {
    cache: join(own, 'snapshots.git'),
    ledger: join(own, 'ledger.git'),
    work: join(own, 'work'),
    lock: join(own, 'lock'),
    instances: join(own, 'instances'),
    reports: join(own, 'reports'),
    inputs: inputsFolder(env),
    setup: setupFolder(env),
  };
}

/** Where all runners of this user keep the files that jobs need. */
export function inputsFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'inputs');
}

/** Where all runners of this user keep what jobs leave for the next ones. */
export function setupFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'setup');
}

/** Below it lies all that runners keep. */
export function cacheFolder({ XDG_CACHE_HOME: configured }: NodeJS.ProcessEnv): string {
  return join(configured && isAbsolute(configured) ? configured : join(homedir(), '.cache'), 'dstack');
}
