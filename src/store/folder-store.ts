import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DstackError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { plainText } from '../terminal-text.ts';
import { errno, fileError, storeError } from './file-errors.ts';
import { copyAndHash, openRegularFile } from './hash-file.ts';
import type { Store } from './store.ts';

/**
 * A store in a folder, local or on a network file system, for any number of writers at once:
 * `sha256/ab/<rest>` are blobs, read-only; `tmp/` is what is being written, or was when its writer died;
 * `damaged/` is what a reader found not to be what its name says.
 */
export function openFolderStore(root: string): Store {
  const synced = new Set<string>();

  function blobPath(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw new DstackError('bad-blob-name', `Not a sha256 in lower-case hex: ${plainText(sha256)}`);
    }
    return join(root, 'sha256', sha256.slice(0, 2), sha256.slice(2));
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

  async function put(sha256: string, write: (target: FileHandle) => Promise<void>): Promise<void> {
    const path = blobPath(sha256);
    const part = join(root, 'tmp', `${randomUUID()}.part`);
    try {
      await makeBlobFolder(dirname(path));
      await makeFolder(dirname(part));
      const target = await open(part, 'wx', 0o444);
      try {
        await write(target);
        await target.sync();
      } finally {
        await target.close();
      }
      await rename(part, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(part, { force: true }).catch(() => {});
      throw storeError(error, root);
    }
  }

  async function openBlob(sha256: string): Promise<FileHandle> {
    try {
      return await openRegularFile(blobPath(sha256));
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'not-a-file') {
        throw new DstackError('blob-missing', `Blob ${sha256} is not in the store ${plainText(root)}`, {
          hint: 'Run the job that made it again (`--no-cache`), or copy the blob back from a backup.',
          cause: error,
        });
      }
      throw storeError(error, root);
    }
  }

  /** Moves a blob with wrong content aside, so that it counts as absent and the next `put` replaces it. */
  async function setAside(sha256: string, blob: FileHandle): Promise<void> {
    const path = blobPath(sha256);
    try {
      // Unless a good one has taken its place meanwhile.
      if ((await lstat(path)).ino !== (await blob.stat()).ino) return;
      await makeFolder(join(root, 'damaged'));
      await rename(path, join(root, 'damaged', sha256));
    } catch {
      // A reader without write access still gets told that the blob is damaged.
    }
  }

  return {
    location: root,
    has,

    async putFile(path, sha256) {
      const source = await openSource(path);
      try {
        const { size } = await source.stat();
        if (await has(sha256, size)) return;
        await put(sha256, async (target) => {
          const copied = await copyAndHash(source, target, size);
          if (copied.sha256 !== sha256) throw fileChanged(path);
        });
      } finally {
        await source.close();
      }
    },

    async putBytes(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (!(await has(sha256, bytes.length))) await put(sha256, (target) => target.writeFile(bytes));
      return { sha256, size: bytes.length };
    },

    async read(sha256) {
      return (await openBlob(sha256)).createReadStream();
    },

    async fetchFile(sha256, path) {
      const source = await openBlob(sha256);
      try {
        const target = await open(path, 'wx', 0o666);
        try {
          const { size } = await source.stat();
          const copied = await copyAndHash(source, target, size).finally(() => target.close());
          if (copied.sha256 !== sha256) {
            await setAside(sha256, source);
            throw new DstackError(
              'blob-damaged',
              `Blob ${sha256} in the store ${plainText(root)} is damaged`,
              {
                hint: `It was moved to ${plainText(join(root, 'damaged'))}. Check that disk, and run the job that made it again.`,
              },
            );
          }
        } catch (error) {
          await rm(path, { force: true });
          throw error;
        }
      } catch (error) {
        throw fileError(error, path);
      } finally {
        await source.close();
      }
    },
  };
}

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await openRegularFile(path);
  } catch (error) {
    throw fileError(error, path);
  }
}

function fileChanged(path: string): DstackError {
  return new DstackError('file-changed', `${plainText(path)} changed while it was being stored`, {
    hint: 'Something still writes to it: let the job end all its processes before its commands end.',
  });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder; they are as durable as they are.
    if (errno(error) !== 'EINVAL' && errno(error) !== 'ENOTSUP') throw error;
  } finally {
    await folder.close();
  }
}
