import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errno } from './file-errors.ts';
import { copyAndHash, type Digest } from './hash-file.ts';

/**
 * Copies an open file to `path`, where nothing may be, with `mode` less the umask. Leaves nothing there on failure.
 * @param size of the source, in bytes: of one that grows meanwhile no more is read than a little
 * @returns what was written, by its hash
 */
export type CopyFile = (
  source: FileHandle,
  path: string,
  options: { mode: number; size: number; sync?: boolean },
) => Promise<Digest>;

/**
 * Copies share the blocks of their source where the file system can do that (Btrfs, XFS and others): a reflink, which is
 * there at once, takes no room until one of both is written to, and then leaves the other as it was. Never a hard link:
 * that would be the same file, and whoever writes to the source would change what goes by its hash. Since a source can
 * change at any time, it is the copy that is hashed.
 */
export function openCopier(): CopyFile {
  /** From which file system to which it can't be done: tried once. */
  const refused = new Set<string>();

  return async (source, path, { mode, size, sync = false }) => {
    const way = `${(await source.stat()).dev} ${(await stat(dirname(path))).dev}`;
    const clone = refused.has(way) ? null : await cloneFile(source, path, mode);
    if (clone === null) refused.add(way);
    const target = clone ?? (await open(path, 'wx', mode));
    try {
      const digest = clone ? await copyAndHash(clone, null, size) : await copyAndHash(source, target, size);
      if (sync) await target.sync();
      await target.close();
      return digest;
    } catch (error) {
      await target.close().catch(() => {});
      await rm(path, { force: true }).catch(() => {});
      throw error;
    }
  };
}

/** @returns null if it can't be done, and then there is nothing new at `path` */
async function cloneFile(source: FileHandle, path: string, mode: number): Promise<FileHandle | null> {
  // Node has this call only for paths. By this one Linux opens the very file that is open; elsewhere it isn't there.
  const from = `/proc/self/fd/${source.fd}`;
  let target: FileHandle;
  try {
    target = await open(path, 'wx+', mode | 0o200);
  } catch (error) {
    if (errno(error) === 'EEXIST') throw error;
    return null;
  }
  try {
    const given = (await target.stat()).mode;
    await copyFile(from, path, constants.COPYFILE_FICLONE_FORCE);
    // The copy has got the source's mode, too.
    await target.chmod(given & mode);
    return target;
  } catch {
    await target.close();
    await rm(path, { force: true });
    return null;
  }
}
