import { createHash, randomUUID } from 'node:crypto';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import type { Store } from './store.ts';

/**
 * Puts a few bytes in, reads them back, and removes them.
 * @returns what can be done there, for people
 * @throws DstackError what the store says; `store-unreliable` if it doesn't have what was just put in
 */
export async function tryStore(store: Store): Promise<string> {
  const where = plainText(store.location);
  const { sha256, size } = await store.putBytes(Buffer.from(`dstack tries this store: ${randomUUID()}\n`));
  const hash = createHash('sha256');
  let there = await store.has(sha256, size);
  if (there) {
    for await (const chunk of await store.read(sha256)) hash.update(chunk);
    there = hash.digest('hex') === sha256;
  }
  if (!there) {
    throw new DstackError('store-unreliable', `the store ${where} does not have what was just put into it`, {
      hint: 'look for what is between this machine and the store: a cache, a proxy, a replica',
    });
  }
  try {
    await store.remove(sha256);
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    return `${where}: can be written and read, but nothing removed: ${error.message}`;
  }
  return `${where}: can be written, read, and cleaned up`;
}
