import { uptime } from 'node:os';
import { blobName } from '../blob-errors.ts';
import { retiredFolder, sideName } from '../side-names.ts';
import type { RetiredBlob, RetiredBlobs } from '../store.ts';
import type { Bucket } from './bucket.ts';
import { keysBelow } from './list-bucket.ts';
import { nameOf, statusOf } from './s3-errors.ts';

/**
 * A process that stood still for longer, in seconds, does not remove what it has copied: others may have gone on
 * meanwhile. `longestMove` in sweep.ts is longer.
 */
const longestPause = 5 * 60;

/** Seconds. Whoever puts back the time does not make a pause shorter, nor is one when the machine was suspended overlooked. */
function stopWatch(): () => number {
  const [began, boot] = [Date.now() / 1000, uptime()];
  return () => Math.max(Date.now() / 1000 - began, uptime() - boot);
}

/** The names of retired blobs, `PREFIX/retired/BATCH/SHA256`. */
function retiredKey(prefix: string, { sha256, batch }: Omit<RetiredBlob, 'size'>): string {
  blobName(sha256);
  return `${prefix}${retiredFolder}/${sideName(batch)}/${sha256}`;
}

/**
 * The retired blobs of a bucket. A bucket can't rename: a blob is copied before it is removed, so that it is at any
 * moment in one place at least, whoever is killed.
 * @param call gives errors their words
 * @param watch begins to count seconds
 */
export function bucketRetired(
  bucket: Bucket,
  prefix: string,
  call: <T>(work: () => Promise<T>) => Promise<T>,
  watch: () => () => number = stopWatch,
): RetiredBlobs {
  const blobKey = (sha256: string) => prefix + blobName(sha256);
  /** @returns false if there is nothing to move, or it is too large for one call */
  const move = async (from: string, to: string): Promise<boolean> => {
    const seconds = watch();
    try {
      await bucket.copy(from, to);
    } catch (error) {
      if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return false;
      if (/^(EntityTooLarge|InvalidRequest)$/.test(nameOf(error))) return false;
      throw error;
    }
    if (seconds() > longestPause) return false;
    await bucket.remove(from);
    return true;
  };
  const isThere = async ({ sha256, size }: RetiredBlob): Promise<boolean> => {
    try {
      return ((await bucket.head(blobKey(sha256))).ContentLength ?? 0) === size;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  };

  return {
    isAtomic: false,
    add: (sha256, batch) => call(() => move(blobKey(sha256), retiredKey(prefix, { sha256, batch }))),
    async *list() {
      const keys = keysBelow(bucket, `${prefix}${retiredFolder}/`)[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await call(() => keys.next());
        if (done) return;
        const [, batch, sha256] = /^([a-z0-9][a-z0-9-]{0,99})\/([0-9a-f]{64})$/.exec(value.name) ?? [];
        if (batch && sha256) yield { sha256, size: value.size, batch };
      }
    },
    restore: (blob) =>
      call(async () => {
        if (await isThere(blob)) await bucket.remove(retiredKey(prefix, blob));
        else await move(retiredKey(prefix, blob), blobKey(blob.sha256));
      }),
    remove: (blob) => call(async () => void (await bucket.remove(retiredKey(prefix, blob)))),
  };
}

/** Where a blob may be that is not where it belongs. */
export async function retiredKeys(bucket: Bucket, prefix: string, sha256: string): Promise<string[]> {
  const top = `${prefix}${retiredFolder}/`;
  const keys: string[] = [];
  let next: string | undefined;
  do {
    const page = await bucket.folders(top, next);
    for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix) keys.push(Prefix + sha256);
    next = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (next !== undefined);
  return keys;
}
