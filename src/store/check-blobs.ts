import { DstackError } from '../errors.ts';
import { type Blob, blobsOf, blobsOfFile, type FileEntry, type Manifest } from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import { countProgress, type OnProgress } from './progress.ts';
import { readTwice } from './read-twice.ts';
import type { Store } from './store.ts';

/** A file that can't be had as it was. */
export interface LostFile {
  readonly file: FileEntry;
  readonly problem: 'missing' | 'damaged';
}

/**
 * Reads every blob of a manifest. What is damaged is set aside, so that it counts as absent.
 * @returns the files of which a blob is not there, or not what its name says
 * @throws what the store throws when it can't be read at all
 */
export async function checkBlobs(
  manifest: Manifest,
  store: Store,
  { progress, atOnce }: { progress?: OnProgress | undefined; atOnce?: number | undefined } = {},
): Promise<LostFile[]> {
  const blobs = blobsOf(manifest);
  const count = countProgress(
    blobs.map(({ size }) => size),
    progress,
  );
  const problems = new Map<string, LostFile['problem']>();
  await mapLimited(
    blobs,
    async (blob) => {
      const problem = await checkBlob(store, blob);
      if (problem !== null) problems.set(blob.sha256, problem);
      count.file(blob.size);
    },
    atOnce,
  );
  return manifest.entries.flatMap((entry) => {
    if (entry.type !== 'file') return [];
    const found = blobsOfFile(manifest, entry).flatMap(({ sha256 }) => problems.get(sha256) ?? []);
    return found[0] === undefined ? [] : [{ file: entry, problem: found[0] }];
  });
}

/** Reads a blob. What is damaged is set aside. @returns what is wrong with it; null: nothing */
export async function checkBlob(store: Store, blob: Blob): Promise<LostFile['problem'] | null> {
  try {
    if (await readTwice(store, blob)) return null;
    await store.setAside(blob.sha256);
    return 'damaged';
  } catch (error) {
    if (error instanceof DstackError && error.code === 'blob-missing') return 'missing';
    throw error;
  }
}
