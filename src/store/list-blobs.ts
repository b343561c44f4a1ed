import { join } from 'node:path';
import { storeError } from './file-errors.ts';
import type { StoredBlob } from './store.ts';
import { namesIn, statsOf } from './store-folders.ts';

/** The blobs below `sha256/` of a store's folder, in the order of their names: one 256th of their names is in memory. */
export async function* listBlobs(root: string): AsyncGenerator<StoredBlob> {
  try {
    for (const first of (await namesIn(root, 'sha256')).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      for (const rest of (await namesIn(root, 'sha256', first)).filter((name) =>
        /^[0-9a-f]{62}$/.test(name),
      )) {
        const stats = await statsOf(join(root, 'sha256', first, rest));
        if (stats?.isFile()) yield { sha256: first + rest, size: stats.size, modified: stats.mtime };
      }
    }
  } catch (error) {
    throw storeError(error, root);
  }
}
