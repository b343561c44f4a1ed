import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import type { Blob } from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import type { Store } from './store.ts';

/** Somewhere a lost blob may be had from. */
export interface BlobSource {
  /** For people. */
  readonly name: string;
  /** Writes it to `path`, which must not exist, and verifies it. @returns false if it isn't there as it was */
  fetch(blob: Blob, path: string): Promise<boolean>;
}

/** Another store, such as that of a clone. */
export function storeAsSource(name: string, store: Store): BlobSource {
  return {
    name,
    fetch: async ({ sha256, size }, path) =>
      (await store.has(sha256, size)) && (await fetched(store, sha256, path)),
  };
}

/** What a store has of its own blobs among those that it is about to remove; they stay there, for whoever does so. */
export function retiredAsSource(store: Store): BlobSource {
  return {
    name: 'what was about to be removed',
    fetch: ({ sha256 }, path) => fetched(store, sha256, path),
  };
}

async function fetched(store: Store, sha256: string, path: string): Promise<boolean> {
  try {
    await store.fetchFile(sha256, path);
    return true;
  } catch (error) {
    if (error instanceof DstackError && /^blob-(missing|damaged)$/.test(error.code)) return false;
    throw error;
  }
}

/**
 * Puts blobs that a store has lost into it again, each from the first source that has it.
 * @param folder for files in passing
 * @returns the name of the source, by sha256, of those that are there again
 */
export async function repairBlobs(
  lost: readonly Blob[],
  store: Store,
  sources: readonly BlobSource[],
  folder: string,
): Promise<Map<string, string>> {
  const repaired = new Map<string, string>();
  await mapLimited(lost, async (blob) => {
    for (const source of sources) {
      const passing = join(folder, `${blob.sha256}.${randomUUID()}`);
      try {
        if (!(await source.fetch(blob, passing))) continue;
        await store.putFile(passing, blob.sha256);
        repaired.set(blob.sha256, source.name);
        return;
      } finally {
        await rm(passing, { force: true });
      }
    }
  });
  return repaired;
}
