import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './is-alive.ts';

/** Whoever holds it longer has been killed on another machine, as Git says of its own `gc.pid`; milliseconds. */
const longestMs = 12 * 3_600_000;

/** Where it stands who tidies up a repository: two at once pack the same objects twice. */
export const tidyLock = (gitDir: string) => join(gitDir, 'dstack-tidy.lock');

/**
 * Takes the lock for this process, also from one that is gone. It is removed by whoever ends the work.
 * @returns false if another has it, or nothing can be written there
 */
export async function takeTidyLock(gitDir: string): Promise<boolean> {
  const lock = tidyLock(gitDir);
  for (const isLast of [false, true]) {
    try {
      await writeFile(lock, holder(process.pid), { flag: 'wx' });
      return true;
    } catch (error) {
      const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
      if (isLast || !isThere || (await isHeld(lock))) return false;
      await rm(lock, { force: true });
    }
  }
  return false;
}

/** Names the process that goes on with the work. */
export async function handOverTidyLock(gitDir: string, pid: number): Promise<void> {
  await writeFile(tidyLock(gitDir), holder(pid), { flag: 'r+' }).catch(() => {});
}

const holder = (pid: number) => `${String(pid).padEnd(10)} ${hostname()}\n`;

async function isHeld(lock: string): Promise<boolean> {
  const stats = await stat(lock).catch(() => null);
  if (stats === null || Date.now() - stats.mtimeMs > longestMs) return false;
  const [pid = '', host] = (await readFile(lock, 'utf8').catch(() => '')).trim().split(/\s+/);
  return host !== hostname() || (Number(pid) > 0 && isAlive(Number(pid)));
}
