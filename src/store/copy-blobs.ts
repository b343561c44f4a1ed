import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob } from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import { countProgress, type OnProgress } from './progress.ts';
import type { Store } from './store.ts';

/**
 * Brings blobs from one store into another, each verified on its way; what is there already is not read. So it may be cut
 * off and done again.
 * @param folder for files in passing
 * @returns bytes that were not there yet
 * @throws DstackError `blob-missing`, `blob-damaged`, `store-full` and the like
 */
export async function copyBlobs(
  blobs: readonly Blob[],
  from: Store,
  to: Store,
  folder: string,
  progress?: OnProgress,
): Promise<number> {
  const wanted = [...new Map(blobs.map((blob) => [blob.sha256, blob])).values()];
  const count = countProgress(
    wanted.map(({ size }) => size),
    progress,
  );
  let copied = 0;
  await mapLimited(wanted, async ({ sha256, size }) => {
    if (!(await to.has(sha256, size))) {
      copied += size;
      const passing = join(folder, `${sha256}.${randomUUID()}`);
      try {
        await from.fetchFile(sha256, passing);
        await to.putFile(passing, sha256);
      } finally {
        await rm(passing, { force: true });
      }
    }
    count.file(size);
  });
  return copied;
}
