import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import type { ContentCache } from '../store/content-cache.ts';
import type { RunnerOptions } from './runner-options.ts';
import type { Workplace } from './workplace.ts';

const intervalMs = 60 * 60_000;
/** A disk fills faster. */
const roomMs = 15_000;
/** More loose objects than this in one of 256 folders are too many; Git's own measure. */
const looseLimit = 27;
/** No object in use is older: a claim is renewed again and again, and takes what it needs along. */
const expire = '2.days.ago';

/** Ends and removes what an earlier process of this runner has left. Only for who holds the runner's lock. */
export async function clearUp({ executors, name, folder, log }: RunnerOptions): Promise<void> {
  const swept = await executors.sweep(name);
  if (swept > 0) log.warn({ swept }, 'ended what an earlier runner of this name had left');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const left of await readdir(folder)) {
    await rm(join(folder, left), { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
      log.warn({ folder: join(folder, left), error: String(error) }, 'a work folder could not be removed');
    });
  }
}

/** Each renewal leaves objects that nobody needs: removes them, now and then. */
export function keepTidy(
  repositories: readonly Repository[],
  oneAtATime: Workplace['oneAtATime'],
): { stop(): Promise<void> } {
  let tidying: Promise<void> = Promise.resolve();
  const tidy = () => {
    tidying = oneAtATime(async () => {
      for (const repository of new Set(repositories)) await tidyUp(repository);
    }).catch(() => {});
  };
  const timer = setInterval(tidy, intervalMs);
  tidy();
  return {
    stop() {
      clearInterval(timer);
      return tidying;
    },
  };
}

/** Has what is kept for jobs give way in time where they, or others, fill the disk. */
export function keepRoom(caches: readonly (Pick<ContentCache, 'tidy'> | undefined)[]): {
  stop(): Promise<unknown>;
} {
  const tidyAll = () => Promise.all(caches.map((cache) => cache?.tidy()));
  let tidying = tidyAll();
  const timer = setInterval(() => {
    tidying = tidyAll();
  }, roomMs);
  return {
    async stop() {
      clearInterval(timer);
      await tidying;
    },
  };
}

async function tidyUp({ gitDir, objectDir }: Repository): Promise<void> {
  const sample = await readdir(join(objectDir, '17')).catch(() => []);
  if (sample.length <= looseLimit) return;
  await runGit(['prune', `--expire=${expire}`], { gitDir });
  await runGit(['repack', '-d', '-l', '--quiet'], { gitDir });
}
