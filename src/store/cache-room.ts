import { lstat, mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { blobName } from './blob-errors.ts';
import { errno } from './file-errors.ts';
import { listBlobs } from './list-blobs.ts';
import { mapLimited } from './map-limited.ts';

/** Keeps a cache's folder from growing beyond its limit, and from filling the disk. */
export interface CacheRoom {
  /** Makes room for so many bytes by removing what has not been used for longest. False: they are not to be kept. */
  make(size: number): Promise<boolean>;
  /** Gives way where the disk gets full; the first time, removes what processes that were killed have left, too. */
  tidy(): Promise<void>;
}

/** A file of the cache. */
export interface Kept {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly used: Date;
}

/** So much of a disk stays free, in bytes, but no more than a tenth of it. */
const reserve = 10 * 2 ** 30;

/** What others put into the same folder is seen again after this part of the limit has been put in here. */
const unseen = 0.1;
/** Milliseconds before a folder in which there was nothing to remove is gone through again. */
const restMs = 60_000;
/** And those after which what is being written has been left by who wrote it. */
const leftoverMs = 60 * 60_000;

/** @param limit in bytes, of everything below `root` */
export function openCacheRoom(root: string, limit: number): CacheRoom {
  /** Bytes there when it was last gone through, and what has been put in since. */
  let counted = 0;
  let added = Number.POSITIVE_INFINITY;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = turn.then(act);
    turn = result.catch(() => {});
    return result;
  }

  async function sweep(incoming: number): Promise<void> {
    await removeLeftovers(join(root, 'tmp'));
    const kept = await listKept(root);
    const old = chooseOld(kept, Math.min(limit, totalOf(kept) + (await spareBytes(root))), incoming);
    await mapLimited(old, ({ path }) => rm(path, { force: true }));
    counted = totalOf(kept) - totalOf(old);
    added = 0;
    sweptAt = performance.now();
  }

  return {
    make: (size) =>
      inTurn(async () => {
        if (size > limit) return false;
        await mkdir(root, { recursive: true, mode: 0o700 });
        let spare = await spareBytes(root);
        const fits = () => counted + added + size <= limit && size <= spare;
        const isUnsure = added + size > unseen * limit;
        if (isUnsure || (!fits() && size <= counted + added + spare)) {
          await sweep(size);
          spare = await spareBytes(root);
        }
        if (!fits()) return false;
        added += size;
        return true;
      }),
    tidy: () =>
      inTurn(async () => {
        if (sweptAt === Number.NEGATIVE_INFINITY) return sweep(0);
        // What others have put in may be all there is.
        const mayHelp = counted + added > 0 || performance.now() - sweptAt > restMs;
        if (mayHelp && (await spareBytes(root)) < 0) await sweep(0);
      }),
  };
}

/**
 * What has to go so that there is room for more; what was used last stays. Somewhat more than that, so that it need not
 * be done for each file; nothing for one that has no room even so.
 * @param allowed bytes of all together
 */
export function chooseOld(kept: readonly Kept[], allowed: number, incoming: number): Kept[] {
  const wanted = incoming > allowed ? 0 : incoming;
  let total = totalOf(kept) + wanted;
  if (total <= allowed) return [];
  const old: Kept[] = [];
  for (const file of [...kept].sort((a, b) => a.used.getTime() - b.used.getTime())) {
    if (total <= 0.9 * allowed) break;
    old.push(file);
    total -= file.size;
  }
  return old;
}

export function totalOf(kept: readonly Kept[]): number {
  return kept.reduce((sum, { size }) => sum + size, 0);
}

/** Bytes that are kept below `root`; 0 if there is no such folder. */
export async function keptBytes(root: string): Promise<number> {
  try {
    return totalOf(await listKept(root));
  } catch (error) {
    if (errno(error) === 'ENOENT') return 0;
    throw error;
  }
}

/** Bytes that may still be written before the disk has too little left for others; negative where it has. */
export async function spareBytes(root: string): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(root);
  return bavail * bsize - Math.min(reserve, 0.1 * blocks * bsize);
}

async function listKept(root: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const part of await readdir(root)) {
    if (!/^[0-9a-f]{12}$/.test(part)) continue;
    for await (const { sha256, size, modified } of listBlobs(join(root, part)))
      kept.push({ path: join(root, part, blobName(sha256)), size, used: modified });
  }
  return kept;
}

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const stats = await lstat(join(folder, name)).catch(() => null);
    if (stats && Date.now() - stats.mtimeMs > leftoverMs)
      await rm(join(folder, name), { force: true }).catch(() => {});
  }
}
