import { type FSWatcher, mkdirSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderIdentity } from '../git/folder-identity.ts';
import type { SharedRepository } from './shared-repository.ts';

/** The file that the hook of a shared repository touches at every push in which there is something to do, inside its folder. */
export function wakeFile(path: string): string {
  return join(path, 'dstack', 'wake');
}

/** Tells when it is worth looking at the shared repository again. */
export interface Wake {
  /**
   * Resolves at the next sign of a change, at once if there was one since the last look, or after `milliseconds`, or when
   * `sooner` is aborted.
   * @returns whether there was a sign
   */
  wait(milliseconds: number, sooner?: AbortSignal): Promise<boolean>;
  /** A sign of change from elsewhere: own work is done, a signal has come. */
  notify(): void;
  close(): void;
}

/**
 * Waits until it is time for another look: signs that come close together are one.
 * @param poll milliseconds after which it is, without a sign
 * @param rest milliseconds before which it isn't, whatever the signs
 */
export async function untilNextLook(wake: Pick<Wake, 'wait'>, poll: number, rest: number): Promise<void> {
  const first = Math.min(poll, rest);
  await sleep(first);
  await wake.wait(poll - first);
}

/** On the repository's own machine the hook tells; everywhere, time passes. */
export function openWake(shared: Pick<SharedRepository, 'path'>): Wake {
  let due = false;
  let wakeUp: (() => void) | null = null;
  const notify = () => {
    due = true;
    wakeUp?.();
  };
  const watcher = shared.path === null ? null : watchFile(wakeFile(shared.path), notify);
  return {
    notify,
    wait(milliseconds, sooner) {
      return new Promise((resolve) => {
        const finish = (sign: boolean) => {
          clearTimeout(timer);
          sooner?.removeEventListener('abort', giveUp);
          due = false;
          wakeUp = null;
          resolve(sign);
        };
        const giveUp = () => finish(false);
        const timer = setTimeout(() => {
          watcher?.renew();
          giveUp();
        }, milliseconds);
        wakeUp = () => finish(true);
        sooner?.addEventListener('abort', giveUp);
        if (due) finish(true);
        else if (sooner?.aborted) giveUp();
      });
    },
    close() {
      wakeUp?.();
      watcher?.close();
    },
  };
}

interface FileWatcher {
  /** Sees to it that it is the folder which is there now that is watched. */
  renew(): void;
  close(): void;
}

/**
 * Watches for a file's being replaced, or dated anew, by the events of its folder themselves: what compares the file with how it was
 * misses one of two that come close together.
 */
function watchFile(file: string, notify: () => void): FileWatcher {
  const folder = join(file, '..');
  let watched: { readonly watcher: FSWatcher; readonly of: string } | null = null;
  let closed = false;

  const end = () => {
    watched?.watcher.close();
    watched = null;
  };
  const renew = () => {
    const of = folderIdentity(folder);
    if (closed || of === watched?.of) return;
    end();
    if (of === null) return;
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || name === basename(file)) notify();
      });
      watcher.on('error', end);
      watched = { watcher, of };
    } catch {
      // This user's watches are all in use, perhaps: polling has to do.
    }
  };

  // Without the right to write there, there is no hook of ours either: polling has to do.
  // Not recursive: a repository that is away at the moment must find its place empty when it comes back.
  try {
    mkdirSync(folder);
  } catch {}
  renew();
  return {
    renew,
    close() {
      closed = true;
      end();
    },
  };
}
