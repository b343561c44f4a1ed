import type { Stats } from 'node:fs';
import { chmod, lchown, lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/**
 * The folder that the commands start in, as an absolute path and relative to the workspace, links resolved.
 * @throws DstackError `bad-working-dir` if it isn't a folder inside the workspace
 */
export async function resolveWorkingDir(
  workspace: string,
  workingDir: string,
): Promise<{ absolute: string; relative: string }> {
  const root = await realpath(workspace);
  const bad = (what: string) =>
    new DstackError('bad-working-dir', `working_dir ${plainText(JSON.stringify(workingDir))} ${what}`, {
      hint: 'name a folder of the project, relative to its root',
    });
  const wanted = path.join(root, workingDir);
  if (!isInside(root, wanted)) throw bad('leads out of the workspace');
  const absolute = await realpath(wanted).catch(() => {
    throw bad('is not there, as Git keeps no empty folders and no ignored ones');
  });
  if (!isInside(root, absolute)) throw bad('leads out of the workspace through a symbolic link');
  if (!(await stat(absolute)).isDirectory()) throw bad('is not a folder');
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
    await chmod(file, (stats.mode & 0o777) | (executable ? 0o777 : 0o666));
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
    if (stats.uid !== uid && uid === 0) await lchown(file, uid, gid);
    else if (stats.uid !== uid) foreign = true;
    const mine = uid === 0 || stats.uid === uid;
    if (mine && stats.isDirectory() && (stats.mode & 0o700) !== 0o700) await chmod(file, stats.mode | 0o700);
  }
  return foreign;
}

/**
 * Everything from `root` down, a folder before what is in it. Folders that can't be read are told and left out.
 * Paths are bytes: a name that is not UTF-8 would not survive as text.
 */
async function* walk(
  root: string,
  unreadable?: (folder: Buffer) => void,
): AsyncGenerator<{ file: Buffer; stats: Stats }> {
  const waiting = [Buffer.from(root)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const stats = await lstat(file);
    yield { file, stats };
    if (!stats.isDirectory()) continue;
    try {
      const below = Buffer.concat([file, Buffer.from(path.sep)]);
      for (const name of await readdir(file, { encoding: 'buffer' })) {
        waiting.push(Buffer.concat([below, name]));
      }
    } catch (error) {
      if (unreadable === undefined || (error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      unreadable(file);
    }
  }
}
