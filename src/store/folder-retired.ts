import { type FileHandle, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { blobName } from './blob-errors.ts';
import { errno, storeError } from './file-errors.ts';
import { openRegularFile } from './hash-file.ts';
import { isSideName, retiredFolder, sideName } from './side-names.ts';
import type { RetiredBlob, RetiredBlobs } from './store.ts';
import { isOwnFolder, makeOwnFolder, namesIn, statsOf } from './store-folders.ts';

/**
 * The retired blobs of a store's folder: `retired/BATCH/SHA256`. All is done by renaming, so that a blob is at any
 * moment in one place, whoever is killed.
 */
export function folderRetired(root: string): RetiredBlobs {
  const blobPath = (sha256: string) => join(root, blobName(sha256));
  const retiredPath = ({ sha256, batch }: Omit<RetiredBlob, 'size'>) => {
    blobName(sha256);
    return join(root, retiredFolder, sideName(batch), sha256);
  };
  const inWords = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw storeError(error, root);
    }
  };
  /** @returns false if there is nothing to move */
  const move = async (from: string, to: string): Promise<boolean> => {
    try {
      await rename(from, to);
      return true;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      throw error;
    }
  };
  const isBatch = (batch: string) => isOwnFolder(root, retiredFolder, batch);
  const isThere = async (sha256: string, size: number): Promise<boolean> => {
    const stats = await statsOf(blobPath(sha256));
    return stats?.isFile() === true && stats.size === size;
  };
  /** With the last blob goes its batch's folder. */
  const tidy = (batch: string) => rmdir(join(root, retiredFolder, sideName(batch))).catch(() => {});

  return {
    isAtomic: true,

    add: (sha256, batch) =>
      inWords(async () => {
        const to = retiredPath({ sha256, batch });
        for (let attempt = 1; ; attempt += 1) {
          if (!(await isOwnFolder(root, 'sha256', sha256.slice(0, 2)))) return false;
          await makeOwnFolder(root, retiredFolder, batch);
          if (await move(blobPath(sha256), to)) return true;
          // Another may just have removed the folder, empty as it was.
          if (attempt === 3 || (await statsOf(blobPath(sha256))) === null) return false;
        }
      }),

    async *list() {
      for (const batch of (await inWords(() => namesIn(root, retiredFolder))).filter(isSideName)) {
        for (const sha256 of await inWords(() => namesIn(root, retiredFolder, batch))) {
          if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
          const stats = await inWords(() => statsOf(retiredPath({ sha256, batch })));
          if (stats?.isFile()) yield { sha256, size: stats.size, batch };
        }
      }
    },

    restore: (blob) =>
      inWords(async () => {
        const from = retiredPath(blob);
        if (!(await isBatch(blob.batch))) return;
        await makeOwnFolder(root, 'sha256', blob.sha256.slice(0, 2));
        if (await isThere(blob.sha256, blob.size)) await rm(from, { force: true });
        else await move(from, blobPath(blob.sha256));
        await tidy(blob.batch);
      }),

    remove: (blob) =>
      inWords(async () => {
        const path = retiredPath(blob);
        if (!(await isBatch(blob.batch))) return;
        await rm(path, { force: true });
        await tidy(blob.batch);
      }),
  };
}

/** Opens a retired blob for reading; null if none of that name is. */
export async function openRetired(root: string, sha256: string): Promise<FileHandle | null> {
  for (const batch of (await namesIn(root, retiredFolder)).filter(isSideName)) {
    if (!(await isOwnFolder(root, retiredFolder, batch))) continue;
    try {
      return await openRegularFile(join(root, retiredFolder, batch, sha256));
    } catch (error) {
      if (errno(error) !== 'ENOENT' && errno(error) !== 'not-a-file') throw error;
    }
  }
  return null;
}
