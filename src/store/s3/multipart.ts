import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Bucket } from './bucket.ts';
import type { Budget } from './budget.ts';
import { nameOf } from './s3-errors.ts';
import { findUpload } from './uploads.ts';

const MIB = 1 << 20;
/** What S3 allows at most, and how many bytes a part should have unless that makes too many of them. */
const MAX_PARTS = 10_000;
const PART_BYTES = 8 * MIB;
/** An upload may end at any time: another process has completed or removed it. */
const BEGINNINGS = 4;

/** How many bytes each part of a file has; only by its size, so that another process can go on with the same parts. */
export function partBytes(size: number): number {
  return Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

export interface PartsOfFile {
  bucket: Bucket;
  budget: Budget;
  key: string;
  source: FileHandle;
  size: number;
  sha256: string;
}

/**
 * Sends a file in parts, and only those that an upload which was cut off has not got yet. Whole or not at all: it is put
 * together only after its hash is known to be right.
 * @param put puts it together, given the etags
 * @param isThere whether somebody else has put the object in meanwhile
 * @returns false if its content isn't `sha256`: then nothing is left of it
 */
export async function sendInParts(
  file: PartsOfFile,
  put: (uploadId: string, etags: readonly string[]) => Promise<void>,
  isThere: () => Promise<boolean>,
): Promise<boolean> {
  const { bucket, key } = file;
  for (let attempt = 1; ; attempt++) {
    const uploadId = (await findUpload(bucket, key)) ?? (await begin(bucket, key));
    try {
      const etags = await sendParts(file, uploadId);
      // What is left of it otherwise is removed after a week.
      if (etags === null) await bucket.abort(key, uploadId).catch(() => {});
      else await put(uploadId, etags);
      return etags !== null;
    } catch (error) {
      // Another process has had the same upload, and has ended it or sent other bytes.
      if (!/^(NoSuchUpload|InvalidPart|InvalidPartOrder)$/.test(nameOf(error))) throw error;
      if (await isThere()) return true;
      if (attempt === BEGINNINGS) throw error;
    }
  }
}

async function begin(bucket: Bucket, key: string): Promise<string> {
  const { UploadId } = await bucket.begin(key);
  if (!UploadId) throw new Error('the store gives an upload no name');
  return UploadId;
}

/** The etags of all parts, of which the missing ones are sent; null if together they aren't what they should be. */
async function sendParts(
  { bucket, budget, key, source, size, sha256 }: PartsOfFile,
  uploadId: string,
): Promise<string[] | null> {
  const there = await partsOf(bucket, key, uploadId);
  const hash = createHash('sha256');
  const etags: string[] = [];
  const sending = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const length = partBytes(size);
  // Used again, since the garbage collector would let many of them gather first.
  const spare: Buffer[] = [];
  for (let offset = 0; offset < size && failures.length === 0; offset += length) {
    const index = offset / length;
    const bytes = Math.min(length, size - offset);
    await budget.take(bytes);
    let part: Buffer;
    try {
      part = await readPart(source, offset, bytes, spare.pop());
    } catch (error) {
      budget.give(bytes);
      failures.push(error);
      break;
    }
    hash.update(part);
    const md5 = createHash('md5').update(part).digest();
    // Where it is not the MD5 (some encrypted buckets), the part is sent again.
    const known = there.get(index + 1);
    if (known !== undefined && known.replaceAll('"', '') === md5.toString('hex')) {
      etags[index] = known;
      spare.push(part);
      budget.give(bytes);
      continue;
    }
    const sent = bucket
      .putPart(key, uploadId, index + 1, part, md5.toString('base64'))
      .then(({ ETag }) => {
        etags[index] = ETag ?? '';
        spare.push(part);
      })
      .catch((error) => {
        failures.push(error);
      })
      .finally(() => {
        budget.give(bytes);
        sending.delete(sent);
      });
    sending.add(sent);
  }
  await Promise.all(sending);
  if (failures.length > 0) throw failures[0];
  const grown = (await source.stat()).size !== size;
  return !grown && hash.digest('hex') === sha256 ? etags : null;
}

/** Reads as many bytes as there are, at most `length`; into `buffer`, if it has room for them. */
export async function readPart(
  source: FileHandle,
  offset: number,
  length: number,
  buffer?: Buffer,
): Promise<Buffer> {
  const part = buffer && buffer.length >= length ? buffer : Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await source.read(part, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return part.subarray(0, filled);
}

/** Which parts an upload has: their etags by their numbers. */
async function partsOf(bucket: Bucket, key: string, uploadId: string): Promise<Map<number, string>> {
  const etags = new Map<number, string>();
  let marker: string | undefined;
  do {
    const page = await bucket.parts(key, uploadId, marker);
    for (const { PartNumber, ETag } of page.Parts ?? []) {
      if (PartNumber !== undefined && ETag !== undefined) etags.set(PartNumber, ETag);
    }
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return etags;
}
