import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { watch } from 'chokidar';
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
  close(): Promise<void>;
}

/** On the repository's own machine the hook tells; everywhere, time passes. */
export async function openWake(shared: Pick<SharedRepository, 'path'>): Promise<Wake> {
  let due = false;
  let wakeUp: (() => void) | null = null;
  const notify = () => {
    due = true;
    wakeUp?.();
  };
  const watcher = shared.path === null ? null : await watchFile(shared.path, notify);
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
        const timer = setTimeout(giveUp, milliseconds);
        wakeUp = () => finish(true);
        sooner?.addEventListener('abort', giveUp);
        if (due) finish(true);
        else if (sooner?.aborted) giveUp();
      });
    },
    async close() {
      wakeUp?.();
      await watcher?.close();
    },
  };
}

async function watchFile(path: string, notify: () => void): Promise<{ close(): Promise<void> } | null> {
  const folder = join(path, 'dstack');
  // Without the right to write there, there is no hook of ours either: polling has to do.
  // Not recursive: a repository that is away at the moment must find its place empty when it comes back.
  await mkdir(folder).catch(() => {});
  const file = wakeFile(path);
  const watcher = watch(folder, {
    depth: 0,
    ignoreInitial: true,
    ignored: (name) => name !== folder && name !== file,
  });
  watcher.on('all', notify);
  watcher.on('error', () => {});
  await new Promise<void>((resolve) => {
    watcher.once('ready', resolve);
    watcher.once('error', () => resolve());
  });
  return watcher;
}
