import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { chooseOld, type Kept, spareBytes, totalOf } from './cache-room.ts';
import { copyFolder } from './copy-folder.ts';
import { errno } from './file-errors.ts';
import { measureFolder } from './measure-folder.ts';

/** Folders that are left for whoever asks for them later under the same key, on the same machine. */
export interface KeptFolders {
  /**
   * Copies what is kept under a key to `path`, where nothing may be. The copy is the caller's own, and whole: what is
   * kept is never written to. Where there is none, or it can't be had, nothing new is there.
   * @param isOver asked now and then: true gives it up
   */
  take(key: string, path: string, isOver?: () => boolean): Promise<Taken | NotTaken>;
  /**
   * Moves a folder, to which nobody writes any more, in the place of what is kept under a key; unless it is empty,
   * or still as it was taken (`same`).
   */
  keep(key: string, path: string, taken: Taken | null): Promise<Keeping>;
  /** Gives way where the disk gets full; removes what was left by processes that were killed. */
  tidy(): Promise<void>;
}

export interface Taken {
  readonly bytes: number;
  readonly savedAt: Date;
  readonly fingerprint: string;
}

export type NotTaken =
  | { readonly why: 'none' | 'no-room' }
  | { readonly why: 'failed'; readonly words: string };
export type Keeping = { readonly result: 'kept' | 'same' | 'too-large'; readonly bytes: number };

const aboutSchema = z.strictObject({
  format: z.literal(1),
  /** Of this very content: what is kept under a key later has another. */
  id: z.string(),
  bytes: z.number(),
  fingerprint: z.string(),
  savedAt: z.iso.datetime(),
});
type About = z.infer<typeof aboutSchema>;

/** So often a copy is begun anew because what is kept was exchanged meanwhile. */
const tries = 3;
/** What is being put in has been left by who did so after this time; milliseconds. */
const leftoverMs = 60 * 60_000;

/**
 * Kept in a folder: `KEY/folder` is the content, `KEY/about.json` says what it is, and by its mtime when it was used last.
 * `new/` is what is being put in, `old/` what is being removed. Both steps are one rename, so a killed process leaves
 * nothing by halves under a key. Any number of processes may share it.
 * @param limit in bytes, of all together
 */
export function openKeptFolders(root: string, limit: number): KeptFolders {
  const aboutOf = (key: string) => join(root, key, 'about.json');

  async function about(key: string): Promise<About | null> {
    try {
      return aboutSchema.parse(JSON.parse(await readFile(aboutOf(key), 'utf8')));
    } catch {
      return null;
    }
  }

  async function remove(key: string): Promise<void> {
    const old = join(root, 'old', randomUUID());
    try {
      await mkdir(join(root, 'old'), { recursive: true, mode: 0o700 });
      await rename(join(root, key), old);
    } catch (error) {
      if (errno(error) === 'ENOENT') return;
      throw error;
    }
    await rm(old, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Makes room by removing what has not been used for longest. @param but the key that is about to be replaced */
  async function makeRoom(incoming: number, but: string | null): Promise<void> {
    const kept = await listKept(root);
    const others = kept.filter(({ path }) => path !== but);
    const onDisk = totalOf(kept) + incoming;
    const allowed = Math.min(limit, onDisk + (await spareBytes(root)));
    for (const { path } of chooseOld(others, allowed, incoming)) await remove(path);
  }

  async function copyOnce(
    key: string,
    path: string,
    isOver: () => boolean,
  ): Promise<Taken | NotTaken | null> {
    const said = await about(key);
    if (said === null) return { why: 'none' };
    if ((await spareBytes(root)) < said.bytes) return { why: 'no-room' };
    let problem: unknown;
    try {
      await copyFolder(join(root, key, 'folder'), path, isOver);
    } catch (error) {
      problem = error;
    }
    // Exchanged or removed while it was copied: then it may be a part of it.
    const isSame = (await about(key))?.id === said.id;
    if (isSame && problem === undefined) {
      const now = new Date();
      await utimes(aboutOf(key), now, now).catch(() => {});
      return { bytes: said.bytes, savedAt: new Date(said.savedAt), fingerprint: said.fingerprint };
    }
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    return isSame ? { why: 'failed', words: (problem as Error).message } : null;
  }

  return {
    async take(key, path, isOver = () => false) {
      for (let attempt = 1; attempt <= tries && !isOver(); attempt += 1) {
        const taken = await copyOnce(key, path, isOver);
        if (taken !== null) return taken;
      }
      return { why: 'none' };
    },

    async keep(key, path, taken) {
      const measured = await measureFolder(path);
      if (measured === null) return { result: 'too-large', bytes: Number.POSITIVE_INFINITY };
      const { bytes, files, fingerprint } = measured;
      if (files === 0 || fingerprint === taken?.fingerprint) return { result: 'same', bytes };
      if (bytes > limit) return { result: 'too-large', bytes };
      const fresh = join(root, 'new', randomUUID());
      await mkdir(fresh, { recursive: true, mode: 0o700 });
      try {
        await moveFolder(path, join(fresh, 'folder'));
        const said: About = {
          format: 1,
          id: randomUUID(),
          bytes,
          fingerprint,
          savedAt: new Date().toISOString(),
        };
        await writeFile(join(fresh, 'about.json'), JSON.stringify(said));
        await makeRoom(bytes, key);
        for (;;) {
          await remove(key);
          try {
            await rename(fresh, join(root, key));
            return { result: 'kept', bytes };
          } catch (error) {
            // Another has put in his meanwhile: the last one wins.
            if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw error;
          }
        }
      } catch (error) {
        await rm(fresh, { recursive: true, force: true, maxRetries: 3 });
        throw error;
      }
    },

    async tidy() {
      try {
        await removeLeft(join(root, 'old'), ofAnyAge);
        await removeLeft(join(root, 'new'), leftoverMs);
        if ((await spareBytes(root)) < 0) await makeRoom(0, null);
      } catch {
        // There is nothing yet, or it goes another time.
      }
    },
  };
}

/** What is kept below `root`, by key, with what it takes of the disk. */
export async function listKept(root: string): Promise<Kept[]> {
  const names = await readdir(root).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  });
  const kept: Kept[] = [];
  for (const path of names.filter((name) => /^[0-9a-f]{64}$/.test(name))) {
    const file = join(root, path, 'about.json');
    const stats = await lstat(file).catch(() => null);
    const said = await readFile(file, 'utf8')
      .then((text) => aboutSchema.parse(JSON.parse(text)))
      .catch(() => null);
    // Of what can't be read nobody knows how much it is: it is the first to go.
    kept.push({ path, size: said?.bytes ?? 0, used: said && stats ? stats.mtime : new Date(0) });
  }
  return kept;
}

async function moveFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errno(error) !== 'EXDEV') throw error;
    await copyFolder(from, to);
  }
}

/** Also of the future: a file system counts time finer than `Date`, and its clock may be another's. */
const ofAnyAge = Number.NEGATIVE_INFINITY;

async function removeLeft(folder: string, olderThanMs: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => null);
    if (stats && Date.now() - stats.mtimeMs >= olderThanMs)
      await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}
