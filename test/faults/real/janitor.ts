import { statSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { globSync } from 'tinyglobby';
import type { Arena } from './arena.ts';
import { isGit, listProcesses, uptime } from './processes.ts';

/** Somebody who looks after the machine of the shared repository: has `dstack runner check --fix` remove stale locks. */
export interface Janitor {
  /** How many locks of killed processes were removed. */
  readonly removed: () => number;
  /** Removes what is stale now, without delay. */
  cleanUp(): Promise<void>;
  stop(): Promise<void>;
}

/** A lock that no living Git can hold is taken for stale after this many seconds; dstack itself waits for a minute. */
const staleAfter = 1.5;
const everyMs = 1_000;

export function keepClean(arena: Arena): Janitor {
  let removed = 0;
  let stopped = false;
  let cleaning: Promise<void> = Promise.resolve();
  const { shared } = arena.project;

  const clean = async () => {
    const stale = staleLocks(shared);
    if (stale.length === 0) return;
    const longAgo = Date.now() / 1000 - 600;
    for (const lock of stale) utimesSync(lock, longAgo, longAgo);
    await arena.project.dstack(['runner', 'check', '--fix'], {
      env: { ...arena.env, DSTACK_REMOTE: shared },
    });
    const left = locksIn(shared);
    removed += stale.filter((lock) => !left.includes(lock)).length;
  };
  const cleanUp = () => {
    // An outage may begin at any moment.
    cleaning = cleaning.then(clean).catch(() => {});
    return cleaning;
  };
  const working = (async () => {
    while (!stopped) {
      await cleanUp();
      await sleep(everyMs);
    }
  })();
  return {
    removed: () => removed,
    cleanUp,
    async stop() {
      stopped = true;
      await working;
    },
  };
}

/** Lock files below a repository's folder, by their paths. */
export function locksIn(repository: string): string[] {
  // What goes away while it looks is passed over.
  return globSync('**/*.lock', { cwd: repository, dot: true, absolute: true, followSymbolicLinks: false });
}

/** Those that were made before any Git that is at work there began, but for readers. */
function staleLocks(repository: string): string[] {
  const now = uptime();
  const bootedAt = Date.now() / 1000 - now;
  const writers = listProcesses().filter(
    (one) =>
      isGit(one) &&
      one.command.includes(repository) &&
      !/cat-file|for-each-ref|ls-tree|daemon/.test(one.command),
  );
  return locksIn(repository).filter((lock) => {
    try {
      const madeAt = statSync(lock).mtimeMs / 1000 - bootedAt;
      const mayBeHeld = writers.some(({ start }) => start <= madeAt + 0.1);
      return now - madeAt > staleAfter && !mayBeHeld;
    } catch {
      return false;
    }
  });
}
