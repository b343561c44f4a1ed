import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { DstackError } from '../../errors.ts';
import { plainText } from '../../terminal-text.ts';
import { blobDamaged, blobMissing, blobName, fileChanged } from '../blob-errors.ts';
import { fileError } from '../file-errors.ts';
import { openSource } from '../hash-file.ts';
import { writeAt } from '../holes.ts';
import type { S3Place } from '../s3-place.ts';
import type { Store } from '../store.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { bucketNotes } from './bucket-notes.ts';
import { bucketRetired, retiredKeys } from './bucket-retired.ts';
import { createBudget } from './budget.ts';
import { type Download, openDownload } from './download.ts';
import { listBucket } from './list-bucket.ts';
import { readPart, sendInParts } from './multipart.ts';
import { createPutter } from './put-once.ts';
import { usualPatience } from './retries.ts';
import { nameOf, s3Error, statusOf } from './s3-errors.ts';
import { removeOldUploads } from './uploads.ts';

/** Larger files are sent in parts. */
const ONE_CALL_BYTES = 32 << 20;
/** What is being sent, in memory at the same time. */
const BUDGET_BYTES = 40 << 20;

/**
 * A store in a bucket, for any number of writers at once: `PREFIX/sha256/ab/REST` are blobs, `PREFIX/damaged/` has what a
 * reader found not to be what its name says, `PREFIX/retired/` what is about to be removed, `PREFIX/notes/` small files.
 */
export function createBucketStore(place: S3Place, patience = usualPatience): Store {
  const bucket = openBucket(place, patience);
  const budget = createBudget(BUDGET_BYTES);
  const putOnce = createPutter();
  let swept = false;
  let bucketSeen = false;

  function keyOf(sha256: string): string {
    return place.prefix + blobName(sha256);
  }

  /** Gives what the SDK throws the words that a person can act on. */
  async function call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Error(error, place);
    }
  }

  /** The size and etag of an object, or null if there is none. */
  async function look(key: string): Promise<{ size: number; etag: string | undefined } | null> {
    try {
      const { ContentLength, ETag } = await bucket.head(key);
      return { size: ContentLength ?? 0, etag: ETag };
    } catch (error) {
      if (statusOf(error) === 404) {
        await requireBucket(bucket);
        return null;
      }
      // The answer to a HEAD has no reason in it, of which the SDK could make something; that to a GET has.
      const refused = (statusOf(error) ?? 500) < 500;
      if (refused) return lookCloser(key);
      throw error;
    }
  }

  async function lookCloser(key: string): Promise<{ size: number; etag: string | undefined } | null> {
    try {
      const { Body, ContentLength = 0, ContentRange, ETag } = await bucket.get(key, 'bytes=0-0');
      (Body as Readable).destroy();
      return { size: Number(/\/(\d+)$/.exec(ContentRange ?? '')?.[1] ?? ContentLength), etag: ETag };
    } catch (error) {
      if (statusOf(error) === 416) return { size: 0, etag: undefined };
      if (nameOf(error) === 'NoSuchKey') return null;
      throw error;
    }
  }

  /** What isn't in a bucket that isn't there is not just missing. */
  async function requireBucket(bucket: Bucket): Promise<void> {
    if (bucketSeen) return;
    try {
      await bucket.check();
    } catch (error) {
      // A HEAD's answer has no name for it. Who may not ask this may still use the bucket.
      if (statusOf(error) === 404) throw Object.assign(error as Error, { name: 'NoSuchBucket' });
    }
    bucketSeen = true;
  }

  async function has(sha256: string, size: number): Promise<boolean> {
    return (await look(keyOf(sha256)))?.size === size;
  }

  async function putBuffer(sha256: string, bytes: Uint8Array): Promise<void> {
    const md5 = createHash('md5').update(bytes).digest('base64');
    await putOnce(
      (condition) => bucket.put(keyOf(sha256), bytes, md5, condition),
      () => has(sha256, bytes.length),
    );
  }

  /** @returns false if the content isn't `sha256` */
  async function sendFile(source: FileHandle, size: number, sha256: string): Promise<boolean> {
    if (size <= ONE_CALL_BYTES) {
      // One byte more than the file had, in case it grows.
      await budget.take(size + 1);
      try {
        const bytes = await readPart(source, 0, size + 1);
        if (createHash('sha256').update(bytes).digest('hex') !== sha256) return false;
        await putBuffer(sha256, bytes);
        return true;
      } finally {
        budget.give(size + 1);
      }
    }
    if (!swept) {
      swept = true;
      await removeOldUploads(bucket, `${place.prefix}sha256/`);
    }
    const key = keyOf(sha256);
    const isThere = () => has(sha256, size);
    const put = (uploadId: string, etags: readonly string[]) =>
      putOnce(
        (condition) => bucket.complete(key, uploadId, etags, condition),
        isThere,
        () => bucket.abort(key, uploadId),
      );
    return sendInParts({ bucket, budget, key, source, size, sha256 }, put, isThere);
  }

  async function download(sha256: string, range?: { offset: number; length: number }): Promise<Download> {
    try {
      return await openDownload(bucket, keyOf(sha256), patience, range);
    } catch (error) {
      if (statusOf(error) !== 404 || nameOf(error) === 'NoSuchBucket') throw s3Error(error, place);
      await call(() => requireBucket(bucket));
      return downloadRetired(sha256, range);
    }
  }

  async function downloadRetired(sha256: string, range?: { offset: number; length: number }) {
    // It may have come back at that moment, too.
    for (const key of [...(await call(() => retiredKeys(bucket, place.prefix, sha256))), keyOf(sha256)]) {
      try {
        return await openDownload(bucket, key, patience, range);
      } catch (error) {
        if (statusOf(error) !== 404) throw s3Error(error, place);
      }
    }
    throw blobMissing(sha256, place.location);
  }

  /** Copies a blob aside and removes it, so that it counts as absent and the next `put` replaces it. */
  async function setAside(sha256: string, etag: string | undefined): Promise<DstackError> {
    const key = keyOf(sha256);
    const aside = plainText(`${place.prefix}damaged/`);
    let fate = '';
    try {
      // Unless a good one has taken its place meanwhile.
      if ((await look(key))?.etag !== etag) return differs(sha256);
      // What is larger than 5 GB can't be copied in one call.
      const copied = await bucket.copy(key, `${place.prefix}damaged/${sha256}`).then(
        () => true,
        () => false,
      );
      await bucket.remove(key);
      fate = copied ? `it was moved to ${aside} in that bucket; ` : 'it was removed; ';
    } catch {
      // A reader without the right to write still gets told that the blob is damaged.
    }
    return blobDamaged(sha256, place.location, `${fate}run the job that made it again`);
  }

  /** The error for what is right in the bucket, or was a moment ago. */
  function differs(sha256: string): DstackError {
    const hint =
      'it arrives different each time: look for what is on the way to that service, such as a proxy';
    return blobDamaged(sha256, place.location, hint);
  }

  /** Writes what comes to a file from its beginning, hashing. */
  async function write({ chunks }: Download, target: FileHandle): Promise<string> {
    const hash = createHash('sha256');
    let position = 0;
    for await (const chunk of inWords(chunks)) {
      hash.update(chunk);
      await writeAt(target, chunk, position);
      position += chunk.length;
    }
    await target.truncate(position);
    return hash.digest('hex');
  }

  /** Writes a blob whose hash is right, if need be by reading it a second time. */
  async function writeRight(source: Download, target: FileHandle, sha256: string): Promise<void> {
    const wrong = await write(source, target);
    if (wrong === sha256) return;
    // It may have been damaged on its way only.
    const second = await download(sha256);
    const again = await write(second, target).finally(second.close);
    if (again === sha256) return;
    throw again === wrong ? await setAside(sha256, second.etag) : differs(sha256);
  }

  async function* inWords<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      throw s3Error(error, place);
    }
  }

  return {
    location: plainText(place.location),
    has: async (sha256, size) => call(() => has(sha256, size)),

    async putFile(path, sha256) {
      const source = await openSource(path);
      try {
        const { size } = await source.stat();
        await call(async () => {
          if (await has(sha256, size)) return;
          if (!(await sendFile(source, size, sha256))) throw fileChanged(path);
        });
      } finally {
        await source.close();
      }
    },

    async putBytes(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await call(async () => {
        if (!(await has(sha256, bytes.length))) await putBuffer(sha256, bytes);
      });
      return { sha256, size: bytes.length };
    },

    async read(sha256, range) {
      const { chunks, close } = await download(sha256, range);
      return Readable.from(inWords(chunks), { objectMode: false }).once('close', close);
    },

    async fetchFile(sha256, path) {
      const source = await download(sha256);
      try {
        const target = await open(path, 'wx', 0o666);
        try {
          await writeRight(source, target, sha256);
        } catch (error) {
          await rm(path, { force: true });
          throw error;
        } finally {
          await target.close();
        }
      } catch (error) {
        throw fileError(error, path);
      } finally {
        source.close();
      }
    },

    async setAside(sha256) {
      const { chunks, close, etag } = await download(sha256);
      const hash = createHash('sha256');
      try {
        for await (const chunk of inWords(chunks)) hash.update(chunk);
      } finally {
        close();
      }
      return hash.digest('hex') === sha256 ? differs(sha256) : setAside(sha256, etag);
    },

    list: () => inWords(listBucket(bucket, place.prefix)),

    async remove(sha256) {
      const key = keyOf(sha256);
      await call(() => bucket.remove(key));
    },

    retired: bucketRetired(bucket, place.prefix, call),
    ...bucketNotes(bucket, place.prefix, call),
  };
}
