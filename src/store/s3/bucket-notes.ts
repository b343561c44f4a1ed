import { createHash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { mapLimited } from '../map-limited.ts';
import { isSideName, longestNote, notesFolder, sideName } from '../side-names.ts';
import type { Store } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { keysBelow } from './list-bucket.ts';
import { statusOf } from './s3-errors.ts';
import { removeOldUploads } from './uploads.ts';

const clockStart = 'clock-';

/**
 * What a store in a bucket has beside its blobs: `PREFIX/notes/NAME`, and the clock of the service.
 * @param call gives errors their words
 */
export function bucketNotes(
  bucket: Bucket,
  prefix: string,
  call: <T>(work: () => Promise<T>) => Promise<T>,
): Pick<Store, 'notes' | 'now' | 'removeRemains' | 'staleFor'> {
  const top = `${prefix}${notesFolder}/`;
  const put = (name: string, text: string) => {
    const bytes = Buffer.from(text);
    return bucket.put(top + name, bytes, createHash('md5').update(bytes).digest('base64'));
  };
  const read = async (name: string): Promise<string | null> => {
    try {
      const { Body } = await bucket.get(top + name);
      const parts: Uint8Array[] = [];
      for await (const part of Body as Readable) parts.push(part as Uint8Array);
      return Buffer.concat(parts).toString('utf8');
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  };

  return {
    notes: {
      write: (name, text) => call(async () => void (await put(sideName(name), text))),
      read: (start) =>
        call(async () => {
          const notes: { name: string; size: number }[] = [];
          for await (const { name, size } of keysBelow(bucket, top)) {
            if (isSideName(name) && name.startsWith(start)) notes.push({ name, size });
          }
          const found = await mapLimited(
            notes,
            async ({ name, size }): Promise<[string, string | null]> => [
              name,
              size > longestNote ? '' : await read(name),
            ],
          );
          return new Map(found.filter((note): note is [string, string] => note[1] !== null));
        }),
      remove: (name) => call(async () => void (await bucket.remove(top + sideName(name)))),
    },
    now: () =>
      call(async () => {
        const name = `${clockStart}${randomUUID()}`;
        await put(name, '');
        const { LastModified } = await bucket.head(top + name);
        await bucket.remove(top + name);
        if (LastModified === undefined) throw new Error('the store does not say when something was stored');
        return LastModified;
      }),
    removeRemains: (before) =>
      call(async () => {
        for await (const { name, modified } of keysBelow(bucket, top + clockStart)) {
          if (modified < before) await bucket.remove(top + clockStart + name);
        }
        await removeOldUploads(bucket, `${prefix}sha256/`);
      }),
    staleFor: async () => 0,
  };
}
