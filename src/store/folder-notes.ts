import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { errno, storeError } from './file-errors.ts';
import { openRegularFile } from './hash-file.ts';
import { isSideName, longestNote, notesFolder, sideName } from './side-names.ts';
import type { Store } from './store.ts';
import { isOwnFolder, makeOwnFolder, namesIn, notAFolder, statsOf, syncFolder } from './store-folders.ts';

/** For how long network file systems believe what they have seen of a folder: NFS for up to 60 s. */
const staleMs = 90_000;

/** File systems of this very machine, by the number that Linux has for each. */
const local = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010, 0xca451a4e, 0x858458f6,
]);

/** What a store in a folder has beside its blobs: `notes/NAME`, and the clock of its file system. */
export function folderNotes(root: string): Pick<Store, 'notes' | 'now' | 'removeRemains' | 'staleFor'> {
  const path = (name: string) => join(root, notesFolder, sideName(name));
  const inWords = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw storeError(error, root);
    }
  };
  /** Does something with a new file, which is gone afterwards unless it was moved. */
  const withFile = async <T>(text: string, work: (path: string) => Promise<T>): Promise<T> => {
    const part = join(root, 'tmp', `${randomUUID()}.part`);
    await makeFolder(join(root, 'tmp'));
    try {
      const file = await open(part, 'wx', 0o644);
      try {
        await file.writeFile(text);
        if (text !== '') await file.sync();
      } finally {
        await file.close();
      }
      return await work(part);
    } finally {
      await rm(part, { force: true });
    }
  };

  return {
    notes: {
      write: (name, text) =>
        inWords(async () => {
          const to = path(name);
          await makeFolder(root);
          await makeOwnFolder(root, notesFolder);
          await withFile(text, (part) => rename(part, to));
          // As durable as the blobs that it is about.
          for (const folder of [dirname(to), root, dirname(root)]) await syncFolder(folder);
        }),
      read: (start) =>
        inWords(async () => {
          // Not as if there were none: what they say of a store protects it.
          if ((await statsOf(join(root, notesFolder)))?.isDirectory() === false)
            throw notAFolder(join(root, notesFolder));
          const names = await namesIn(root, notesFolder);
          const found = new Map<string, string>();
          for (const name of names.filter((name) => isSideName(name) && name.startsWith(start))) {
            const text = await textOf(path(name));
            if (text !== null) found.set(name, text);
          }
          return found;
        }),
      remove: (name) =>
        inWords(async () => {
          const gone = path(name);
          if (await isOwnFolder(root, notesFolder)) await rm(gone, { force: true });
        }),
    },
    now: () =>
      inWords(async () => {
        // A store that isn't there yet is not made just to be asked.
        if (!existsSync(root)) return new Date();
        return withFile('', async (part) => (await stat(part)).mtime);
      }),
    removeRemains: (before) =>
      inWords(async () => {
        for (const name of (await namesIn(root, 'tmp')).filter((name) =>
          /^[0-9a-f-]{36}\.part$/.test(name),
        )) {
          const stats = await statsOf(join(root, 'tmp', name));
          if (stats?.isFile() && stats.mtime < before) await rm(join(root, 'tmp', name), { force: true });
        }
      }),
    async staleFor() {
      const { type } = await statfs(root).catch(() => ({ type: 0 }));
      return process.platform === 'linux' && local.has(type) ? 0 : staleMs;
    },
  };
}

/** Empty, which is no note, for what is no file or too long; null: it has gone. */
async function textOf(path: string): Promise<string | null> {
  try {
    const file = await openRegularFile(path);
    try {
      // However long it becomes meanwhile.
      const parts: Buffer[] = [];
      for await (const part of file.createReadStream({ end: longestNote, autoClose: false }))
        parts.push(part);
      const bytes = Buffer.concat(parts);
      return bytes.length > longestNote ? '' : bytes.toString('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    if (errno(error) === 'not-a-file') return '';
    throw error;
  }
}
