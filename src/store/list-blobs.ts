import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errno, storeError } from './file-errors.ts';
import type { StoredBlob } from './store.ts';

/** The blobs below `sha256/` of a store's folder, in the order of their names: one 256th of their names is in memory. */
export async function* listBlobs(root: string): AsyncGenerator<StoredBlob> {
  const top = join(root, 'sha256');
  try {
    for (const first of (await namesIn(top)).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      for (const rest of (await namesIn(join(top, first))).filter((name) => /^[0-9a-f]{62}$/.test(name))) {
        const stats = await statsOf(join(top, first, rest));
        if (stats?.isFile()) yield { sha256: first + rest, size: stats.size, modified: stats.mtime };
      }
    }
  } catch (error) {
    throw storeError(error, root);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

async function statsOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}
