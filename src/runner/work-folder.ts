import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { QueueEntry } from '../ledger/live.ts';
import type { JobId } from '../ledger/refs.ts';
import type { JobSecrets } from './job-secrets.ts';
import type { Workplace } from './workplace.ts';

/** Makes one that no other job has had. */
function makeFreshFolder(folder: string, { run, job }: JobId): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return mkdtempSync(join(folder, `${run}-${job}-`.slice(0, 100)));
}

/** Does a job's work in its folder, which is gone afterwards. What goes wrong is told without its secrets. */
export async function inWorkFolder<T>(
  folder: string,
  { log }: Pick<Workplace, 'log'>,
  secrets: Pick<JobSecrets, 'hide' | 'hideInError'>,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw secrets.hideInError(error);
  } finally {
    await removeFolder(folder).catch((error: unknown) => {
      log.warn({ folder, error: secrets.hide(String(error)) }, 'a work folder could not be removed');
    });
  }
}

/** So few files this thread removes itself: to ask other threads about each takes longer. */
const few = 100;

async function removeFolder(folder: string): Promise<void> {
  try {
    if (countUpTo(few, folder) < few) rmSync(folder, { recursive: true, force: true });
  } catch {
    // Tried again, with patience.
  }
  if (existsSync(folder)) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** How many entries a folder has, and those below it; no more than `limit` are counted. */
function countUpTo(limit: number, folder: string): number {
  let count = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    count += 1;
    if (count < limit && entry.isDirectory()) count += countUpTo(limit - count, join(folder, entry.name));
    if (count >= limit) break;
  }
  return count;
}

/**
 * Makes the folder in which a job's workspace is to lie, and nothing else yet. A plain process of which folders are kept
 * gets the first of a few places that is free, the same from job to job: what `python -m venv`, CMake and others install
 * knows the path at which it was made. In a container the workspace is always at the same one.
 */
export async function makeWorkFolder(
  { folder, executors }: Pick<Workplace, 'folder' | 'executors'>,
  { id, job: { spec } }: QueueEntry,
): Promise<string> {
  const isPlain = executors.choose(spec)?.executor.kind === 'process';
  if (!spec.setupCache || !isPlain) return makeFreshFolder(folder, id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = createHash('sha256').update(spec.workflow).digest('hex').slice(0, 12);
  for (let place = 1; ; place += 1) {
    const path = join(folder, `setup-${name}-${place}`);
    try {
      await mkdir(path, { mode: 0o700 });
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
