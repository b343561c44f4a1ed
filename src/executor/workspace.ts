import { chmodSync, lchownSync, lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/**
 * The folder that the commands start in, as an absolute path and relative to the workspace, links resolved.
 * @throws DstackError `bad-working-dir` if it isn't a folder inside the workspace
 */
export function resolveWorkingDir(
  workspace: string,
  workingDir: string,
): { absolute: string; relative: string } {
  const root = realpathSync.native(workspace);
  const bad = (what: string) =>
    new DstackError('bad-working-dir', `working_dir ${plainText(JSON.stringify(workingDir))} ${what}`, {
      hint: 'name a folder of the project, relative to its root',
    });
  const wanted = path.join(root, workingDir);
  if (!isInside(root, wanted)) throw bad('leads out of the workspace');
  let absolute: string;
  try {
    absolute = realpathSync.native(wanted);
  } catch {
    throw bad('is not there, as Git keeps no empty folders and no ignored ones');
  }
  if (!isInside(root, absolute)) throw bad('leads out of the workspace through a symbolic link');
  if (!statSync(absolute).isDirectory()) throw bad('is not a folder');
  return { absolute, relative: path.relative(root, absolute) };
}

function isInside(root: string, file: string): boolean {
  const relative = path.relative(root, file);
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

/**
 * Lets every user read and write what is in the workspace, for an image that runs as somebody else. The folder above
 * it keeps other users of this machine out.
 */
export async function openToEveryone(workspace: string): Promise<void> {
  for await (const { file, stats } of walk(workspace)) {
    if (stats.isSymbolicLink()) continue;
    const executable = stats.isDirectory() || (stats.mode & 0o100) !== 0;
    chmodSync(file, (stats.mode & 0o777) | (executable ? 0o777 : 0o666));
  }
}

/**
 * Makes everything in the workspace this user's own, and every folder one that can be emptied. Never follows a
 * symbolic link. Nothing of the job may be alive.
 * @returns whether something is still another user's; only root can avoid that
 */
export async function reclaim(workspace: string): Promise<boolean> {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  if (uid === undefined || gid === undefined) return false;
  let foreign = false;
  for await (const { file, stats } of walk(workspace, () => {
    foreign = true;
  })) {
    if (stats.uid !== uid && uid === 0) lchownSync(file, uid, gid);
    else if (stats.uid !== uid) foreign = true;
    const mine = uid === 0 || stats.uid === uid;
    if (mine && stats.isDirectory() && (stats.mode & 0o700) !== 0o700) chmodSync(file, stats.mode | 0o700);
  }
  return foreign;
}

/** Milliseconds for which others may have to wait. */
const turn = 5;

/**
 * Everything from `root` down, a folder before what is in it. Folders that can't be read are told and left out.
 * Paths are bytes: a name that is not UTF-8 would not survive as text.
 * By this thread itself, which of most folders takes less than asking another one about each file.
 */
async function* walk(
  root: string,
  unreadable?: (folder: Buffer) => void,
): AsyncGenerator<{ file: Buffer; stats: Stats }> {
  const waiting = [Buffer.from(root)];
  let from = performance.now();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (performance.now() - from > turn) {
      await setImmediate();
      from = performance.now();
    }
    const stats = lstatSync(file);
    yield { file, stats };
    if (!stats.isDirectory()) continue;
    try {
      const below = Buffer.concat([file, Buffer.from(path.sep)]);
      for (const name of readdirSync(file, { encoding: 'buffer' })) {
        waiting.push(Buffer.concat([below, name]));
      }
    } catch (error) {
      if (unreadable === undefined || (error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      unreadable(file);
    }
  }
}
