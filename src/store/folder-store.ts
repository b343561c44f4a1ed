import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { DstackError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { plainText } from '../terminal-text.ts';
import { blobDamaged, blobMissing, blobName, fileChanged } from './blob-errors.ts';
import { openCopier } from './copy-file.ts';
import { errno, fileError, storeError } from './file-errors.ts';
import { folderNotes } from './folder-notes.ts';
import { folderRetired, openRetired } from './folder-retired.ts';
import { copyAndHash, openRegularFile, openSource } from './hash-file.ts';
import { listBlobs } from './list-blobs.ts';
import type { Store } from './store.ts';
import { isOwnFolder, makeOwnFolder, syncFolder } from './store-folders.ts';

const blobMode = 0o444;

/**
 * A store in a folder, local or on a network file system, for any number of writers at once:
 * `sha256/ab/<rest>` are blobs, read-only; `tmp/` is what is being written, or was when its writer died;
 * `damaged/` is what a reader found not to be what its name says; `retired/` what is about to be removed; `notes/` small
 * files.
 */
export function openFolderStore(root: string): Store {
  const synced = new Set<string>();
  const copyFile = openCopier();

  function blobPath(sha256: string): string {
    return join(root, blobName(sha256));
  }

  async function has(sha256: string, size: number): Promise<boolean> {
    try {
      const stats = await lstat(blobPath(sha256));
      return stats.isFile() && stats.size === size;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      throw storeError(error, root);
    }
  }

  /** Makes a blob's folder, and its name survive a power cut. */
  async function makeBlobFolder(folder: string): Promise<void> {
    await makeFolder(folder);
    // Another process may have made it a moment ago and not synced yet, so this does not ask who made it.
    if (synced.has(folder)) return;
    for (const parent of [join(root, 'sha256'), root, dirname(root)]) await syncFolder(parent);
    synced.add(folder);
  }

  /** @param write makes the file, read-only and synced */
  async function put(sha256: string, write: (part: string) => Promise<void>): Promise<void> {
    const path = blobPath(sha256);
    const part = join(root, 'tmp', `${randomUUID()}.part`);
    try {
      await makeBlobFolder(dirname(path));
      await makeFolder(dirname(part));
      await write(part);
      await rename(part, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(part, { force: true }).catch(() => {});
      throw storeError(error, root);
    }
  }

  /** Wherever it is: it may be retired, or come back, at that moment. */
  async function openBlob(sha256: string): Promise<FileHandle> {
    const path = blobPath(sha256);
    const isAbsent = (error: unknown) => errno(error) === 'ENOENT' || errno(error) === 'not-a-file';
    try {
      return await openRegularFile(path).catch(async (error: unknown) => {
        if (!isAbsent(error)) throw error;
        return (await openRetired(root, sha256)) ?? openRegularFile(path);
      });
    } catch (error) {
      throw isAbsent(error) ? blobMissing(sha256, root, error) : storeError(error, root);
    }
  }

  /** @returns false if in its place is another than this one, which may be retired, or a good one that was put there meanwhile */
  async function moveAside(damaged: FileHandle, sha256: string, aside: string): Promise<boolean> {
    const path = blobPath(sha256);
    const { dev, ino } = await damaged.stat({ bigint: true });
    const isIt = async (file: string) => {
      const stats = await lstat(file, { bigint: true });
      return stats.dev === dev && stats.ino === ino;
    };
    if (!(await isOwnFolder(root, 'sha256', sha256.slice(0, 2))) || !(await isIt(path))) return false;
    await makeOwnFolder(root, 'damaged');
    await rename(path, aside);
    if (await isIt(aside)) return true;
    // Put there since it was looked at.
    await rename(aside, path);
    return false;
  }

  /** Unless a good one has taken its place meanwhile. A reader without write access gets told nevertheless. */
  async function setAside(sha256: string): Promise<DstackError> {
    const aside = join(root, 'damaged', sha256);
    let hint = 'check that disk, and run the job that made it again';
    try {
      const blob = await openBlob(sha256);
      try {
        const now = await copyAndHash(blob, null, Number.MAX_SAFE_INTEGER - 1);
        if (now.sha256 !== sha256 && (await moveAside(blob, sha256, aside)))
          hint = `it was moved to ${plainText(dirname(aside))}; ${hint}`;
      } finally {
        await blob.close();
      }
    } catch {}
    return blobDamaged(sha256, root, hint);
  }

  return {
    location: root,
    has,

    async putFile(path, sha256) {
      const source = await openSource(path);
      try {
        const { size } = await source.stat();
        if (await has(sha256, size)) return;
        await put(sha256, async (part) => {
          const copied = await copyFile(source, part, { mode: blobMode, size, sync: true });
          if (copied.sha256 !== sha256) throw fileChanged(path);
        });
      } finally {
        await source.close();
      }
    },

    async putBytes(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (!(await has(sha256, bytes.length))) await put(sha256, (part) => writeSynced(part, bytes));
      return { sha256, size: bytes.length };
    },

    async read(sha256, range) {
      const blob = await openBlob(sha256);
      if (range === undefined) return blob.createReadStream();
      if (range.length > 0)
        return blob.createReadStream({ start: range.offset, end: range.offset + range.length - 1 });
      await blob.close();
      return Readable.from([]);
    },

    async fetchFile(sha256, path) {
      const source = await openBlob(sha256);
      try {
        const { size } = await source.stat();
        const copied = await copyFile(source, path, { mode: 0o666, size });
        if (copied.sha256 !== sha256) {
          await rm(path, { force: true });
          throw await setAside(sha256);
        }
      } catch (error) {
        throw fileError(error, path);
      } finally {
        await source.close();
      }
    },

    setAside,

    list: () => listBlobs(root),

    retired: folderRetired(root),
    ...folderNotes(root),

    async remove(sha256) {
      const path = blobPath(sha256);
      try {
        if (await isOwnFolder(root, 'sha256', sha256.slice(0, 2))) await rm(path, { force: true });
      } catch (error) {
        throw storeError(error, root);
      }
    },
  };
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const target = await open(path, 'wx', blobMode);
  try {
    await target.writeFile(bytes);
    await target.sync();
  } finally {
    await target.close();
  }
}
