import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Repository } from '../git/repository.ts';
import { fileStamp, type RepositoryConfig } from '../git/repository-config.ts';
import { gitEnvironment } from '../git/run-git.ts';
import { readSharedPermissions, withSharedPermissions } from '../git/shared-permissions.ts';
import { defaultPrefix } from './refs.ts';
import { wakeFile } from './wake.ts';

/** SHA-256 of `hooks/post-receive`, whose effect is brought about here. Any other hook has to be run by Git. */
export const ownHook = '6fbfc0a21270a5b0e0de4d5c9162fe9826ec62f21a25abc5ce0b7089fc3f1fa4';

/** As long as the hook takes a lock for that of somebody who is still at it; milliseconds. */
const lockIsOldAfter = 5 * 60_000;

/** What dstack's hook does after a push, for refs that were changed without one. */
export interface HookEffects {
  /** Is there no hook, or dstack's own and no other behind it? */
  isOwnOrNone(): Promise<boolean>;
  /** Wakes whoever watches, and has the history kept, as far as these refs concern them. */
  follow(refs: readonly string[], config: RepositoryConfig): Promise<void>;
}

let count = 0;

export function openHookEffects({ gitDir, commonDir }: Repository): HookEffects {
  const hook = join(commonDir, 'hooks', 'post-receive');
  let known = { stamp: '', isOwn: false };
  const isOwn = async (): Promise<boolean> => {
    const stamp = fileStamp(hook);
    if (stamp !== known.stamp) {
      const hash = createHash('sha256').update(await readFile(hook));
      known = { stamp, isOwn: hash.digest('hex') === ownHook };
    }
    return known.isOwn;
  };

  return {
    async isOwnOrNone() {
      if (!existsSync(hook)) return true;
      return !existsSync(`${hook}.before-dstack`) && (await isOwn());
    },
    async follow(refs, config) {
      if (!existsSync(hook)) return;
      const { wakes, syncs } = wantedBy(refs, config.get('dstack.refprefix')?.at(-1));
      if (!wakes) return;
      const command = config.get('dstack.command')?.at(-1);
      // A push is not failed either by what its hook can't do.
      try {
        wake(wakeFile(commonDir), commonDir);
      } catch {}
      try {
        if (syncs && command !== undefined) requestSync({ gitDir, commonDir }, hook, command);
      } catch {}
    },
  };
}

/** What the hook does about these refs: see `read_push` in it. */
function wantedBy(
  refs: readonly string[],
  configured: string | undefined,
): { wakes: boolean; syncs: boolean } {
  const prefix = (configured || defaultPrefix).replace(/\/$/, '');
  const touches = (...areas: string[]) =>
    refs.some((ref) => areas.some((area) => ref.startsWith(`${prefix}/${area}/`)));
  const syncs = touches('runs', 'jobs');
  return { syncs, wakes: syncs || touches('queue', 'claims', 'stops', 'nodes') };
}

/** Watchers hear of either: a file that is dated anew costs no new one. Another user's can only be replaced. */
function wake(file: string, commonDir: string): void {
  const now = new Date();
  try {
    utimesSync(file, now, now);
    return;
  } catch {}
  count += 1;
  const stamp = `${process.pid}.${count}`;
  const folder = dirname(file);
  const temporary = `${file}.${stamp}`;
  try {
    writeOpenly(temporary, `${stamp}\n`, commonDir);
  } catch {
    // Just this one: a shared repository that has gone meanwhile is not begun anew.
    mkdirSync(folder);
    writeOpenly(temporary, `${stamp}\n`, commonDir);
  }
  renameSync(temporary, file);
}

/** Whoever may push must be able to replace what another one's push has written. */
function writeOpenly(path: string, text: string, commonDir: string): void {
  writeFileSync(path, text);
  const permissions = readSharedPermissions(commonDir);
  if (permissions === null) return;
  try {
    chmodSync(path, withSharedPermissions(0o644, permissions));
  } catch {}
}

/** The hook itself starts a sync, unless somebody is at it, who will look whether there is more to be done. */
function requestSync(
  { gitDir, commonDir }: Pick<Repository, 'gitDir' | 'commonDir'>,
  hook: string,
  command: string,
): void {
  const folder = dirname(wakeFile(commonDir));
  writeOpenly(join(folder, 'sync.dirty'), '', commonDir);
  const held = statSync(join(folder, 'sync.lock'), { throwIfNoEntry: false });
  if ((held && Date.now() - held.mtimeMs < lockIsOldAfter) || !existsSync(command)) return;
  const child = spawn(hook, ['--request-sync', command], {
    cwd: gitDir,
    env: gitEnvironment({ gitDir: '.' }),
    stdio: 'ignore',
    detached: true,
  });
  child.on('error', () => {});
  child.unref();
}
