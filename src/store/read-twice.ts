import { createHash } from 'node:crypto';
import type { Blob } from './manifest.ts';
import type { Store } from './store.ts';

/**
 * Reads all of a blob, and once more if what came was not it: it may have been damaged on its way only.
 * @param take gets each part and where it belongs; all of them anew if it is read again, and never more than there should be
 * @returns whether what came at last is the blob
 * @throws what the store throws: `blob-missing` and the like
 */
export async function readTwice(
  store: Store,
  blob: Blob,
  take: (part: Uint8Array, offset: number) => void = () => {},
): Promise<boolean> {
  return (await isRight(store, blob, take)) || (await isRight(store, blob, take));
}

async function isRight(
  store: Store,
  { sha256, size }: Blob,
  take: (part: Uint8Array, offset: number) => void,
): Promise<boolean> {
  const hash = createHash('sha256');
  let length = 0;
  // A byte more than there should be: what is too long shows.
  for await (const part of await store.read(sha256, { offset: 0, length: size + 1 })) {
    if (length + part.length > size) return false;
    hash.update(part);
    take(part, length);
    length += part.length;
  }
  return length === size && hash.digest('hex') === sha256;
}
