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

/** What became of lost blobs. */
export interface Repaired {
  /** The name of the source, by sha256, of those that are there again. */
  readonly from: ReadonlyMap<string, string>;
  /** What kept a source from giving what it may have, by its name: the first error of each. */
  readonly away: ReadonlyMap<string, unknown>;
  /** What kept the store from taking something; undefined: nothing. Others were not tried any more then. */
  readonly failure: unknown;
}

/**
 * Puts blobs that a store has lost into it again, each from the first source that has it. What fails is told afterwards:
 * whoever wants to know what is lost needs that most where not all can be had.
 * @param folder for files in passing
 */
export async function repairBlobs(
  lost: readonly Blob[],
  store: Store,
  sources: readonly BlobSource[],
  folder: string,
): Promise<Repaired> {
  const from = new Map<string, string>();
  const away = new Map<string, unknown>();
  let failure: unknown;
  const isPut = async ({ sha256, size }: Blob, path: string): Promise<boolean> => {
    try {
      await store.putFile(path, sha256);
      // Of a list of artifacts that is wrong about the size, nothing that is put makes it right.
      return await store.has(sha256, size);
    } catch (error) {
      failure ??= error;
      return false;
    }
  };
  await mapLimited(lost, async (blob) => {
    for (const { name, fetch } of sources) {
      if (failure !== undefined) return;
      const passing = join(folder, `${blob.sha256}.${randomUUID()}`);
      try {
        const isHad = await fetch(blob, passing).catch((error: unknown) => {
          if (!away.has(name)) away.set(name, error);
          return false;
        });
        if (!isHad || !(await isPut(blob, passing))) continue;
        from.set(blob.sha256, name);
        return;
      } finally {
        await rm(passing, { force: true });
      }
    }
  });
  return { from, away, failure };
}
