import { createHash, randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  readFile,
  rename,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { blobName } from './blob-errors.ts';
import { openCacheRoom } from './cache-room.ts';
import { openCopier } from './copy-file.ts';
import { isAt, openRegularFile } from './hash-file.ts';
import type { Blob } from './manifest.ts';

/**
 * Contents that are on this machine already, by sha256 and size. It may have lost any of them, and none of its functions
 * fails: without it, the store is asked.
 */
export interface ContentCache {
  /** Writes one to `path`, verified. False: that did not happen, and nothing new is there. What is there already stays. */
  take(content: Blob, path: string): Promise<boolean>;
  /** One in memory, verified. */
  read(content: Blob): Promise<Uint8Array | null>;
  /** Takes a copy of a file that has this content. */
  keep(content: Blob, path: string): Promise<void>;
  keepBytes(content: Blob, bytes: Uint8Array): Promise<void>;
  /**
   * The file itself becomes the copy, which costs nothing: only one to which nobody writes any more, and whose own name
   * is about to go. It turns read-only.
   * @param path absolute, without a link in it; on Linux a file that isn't there itself is refused
   */
  adopt(content: Blob, path: string): Promise<void>;
  /** Gives way where the disk gets full. To be called now and then. */
  tidy(): Promise<void>;
}

export interface CacheOptions {
  /** Any number of processes may share it. */
  readonly root: string;
  /**
   * Where the contents come from. Each store has its own part: a list of artifacts that names a hash gets no file here
   * that the store would not have given.
   */
  readonly store: string;
  /** In bytes, of all parts together. */
  readonly limit: number;
  /** Hears of what was damaged, in words. */
  readonly warn: (message: string, file: string) => void;
}

/** What is smaller, in bytes, is as soon fetched, and there could be too many. */
const smallest = 64 << 10;

/**
 * A cache in a folder: `PART/sha256/ab/<rest>` are read-only files, used last when their mtime says so; `tmp/` is what is
 * being written, or was when its writer died. A content is a copy of what it was made of, or shares its blocks, but is
 * never the same file as one that a job has: that would be written to, also by who may only read it, such as root.
 * It is not synced: what a power cut has left of it is noticed by its size or hash, like all other damage.
 */
export function openContentCache({ root, store, limit, warn }: CacheOptions): ContentCache {
  const part = createHash('sha256').update(store).digest('hex').slice(0, 12);
  const copy = openCopier();
  const room = openCacheRoom(root, limit);

  function pathOf({ sha256 }: Blob): string {
    return join(root, part, blobName(sha256));
  }

  async function isKept(content: Blob): Promise<boolean> {
    const stats = await lstat(pathOf(content)).catch(() => null);
    return stats?.isFile() === true && stats.size === content.size;
  }

  async function drop(content: Blob): Promise<void> {
    const path = pathOf(content);
    await rm(path, { force: true });
    warn('a kept input was damaged, and is fetched again', path);
  }

  async function keepNew(content: Blob, make: (temporary: string) => Promise<void>): Promise<void> {
    try {
      const path = pathOf(content);
      if (content.size < smallest || (await isKept(content)) || !(await room.make(content.size))) return;
      const temporary = join(root, 'tmp', randomUUID());
      try {
        await mkdir(dirname(temporary), { recursive: true, mode: 0o700 });
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await make(temporary);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    } catch {
      // A full disk, for example. Whoever needs this content fetches it once more.
    }
  }

  async function copySparse(from: string, to: string): Promise<void> {
    const source = await openRegularFile(from);
    try {
      await copy(source, to, { mode: 0o444, size: (await source.stat()).size });
    } finally {
      await source.close();
    }
  }

  return {
    async take(content, path) {
      try {
        if (content.size < smallest || !(await isKept(content))) return false;
        // What is taken by now may have filled the disk.
        await room.tidy();
        const source = await openRegularFile(pathOf(content));
        try {
          const { sha256 } = await copy(source, path, { mode: 0o666, size: content.size });
          if (sha256 !== content.sha256) {
            await rm(path, { force: true });
            await drop(content);
            return false;
          }
          await touch(pathOf(content));
          return true;
        } finally {
          await source.close();
        }
      } catch {
        return false;
      }
    },

    async read(content) {
      try {
        if (content.size < smallest || !(await isKept(content))) return null;
        const bytes = await readFile(pathOf(content));
        if (createHash('sha256').update(bytes).digest('hex') !== content.sha256) {
          await drop(content);
          return null;
        }
        await touch(pathOf(content));
        return bytes;
      } catch {
        return null;
      }
    },

    keep: (content, path) =>
      keepNew(content, async (temporary) => {
        const { size, blocks } = await lstat(path);
        // The system's own copy is faster, but fills holes.
        if (blocks * 512 < size) return copySparse(path, temporary);
        await copyFile(path, temporary, constants.COPYFILE_FICLONE);
        await chmod(temporary, 0o444);
      }),

    keepBytes: (content, bytes) =>
      keepNew(content, (temporary) => writeFile(temporary, bytes, { mode: 0o444 })),

    async adopt(content, path) {
      try {
        if (content.size < smallest || (await isKept(content))) return;
        const file = await openRegularFile(path);
        try {
          const stats = await file.stat();
          // One that has other names, or is somebody else's, may be written to by those.
          const isOwn = stats.nlink === 1 && stats.uid === process.getuid?.();
          if (!isOwn || stats.size !== content.size || !isAt(file.fd, path)) return;
          if (await room.make(content.size)) await linkOpen(file, stats, path, pathOf(content));
        } finally {
          await file.close();
        }
      } catch {}
    },

    tidy: () => room.tidy().catch(() => {}),
  };
}

/** Gives an open file another name, and makes it read-only. A folder on the way may be exchanged at any time. */
async function linkOpen(file: FileHandle, { dev, ino }: Stats, from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await link(from, to);
  const linked = await lstat(to);
  if (linked.ino !== ino || linked.dev !== dev) return rm(to);
  const now = new Date();
  await file.chmod(0o444);
  await file.utimes(now, now);
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}
