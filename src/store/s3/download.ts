import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteRange } from '../store.ts';
import type { Bucket } from './bucket.ts';
import type { Patience } from './retries.ts';
import { nameOf, statusOf } from './s3-errors.ts';

/** How often in a row a connection may break without having brought a byte; less often, where each takes long to. */
const FRUITLESS = 6;
const FRUITLESS_SILENCES = 3;
const PAUSE_MS = 200;

/** An object being read. */
export interface Download {
  etag: string | undefined;
  chunks: AsyncIterable<Uint8Array>;
  /** Needed where `chunks` isn't read, or not to its end. */
  close(): void;
}

/**
 * Begins to read an object, or a stretch of it. A connection that breaks, or ends early, is taken up by another one where
 * it broke. Only what the server sends is held in memory.
 * @throws what the SDK throws, at once if the object isn't there
 */
export async function openDownload(
  bucket: Bucket,
  key: string,
  patience: Patience,
  range?: ByteRange,
): Promise<Download> {
  const start = range?.offset ?? 0;
  const first =
    range?.length === 0 ? null : await answerFrom(bucket, key, start, range && start + range.length);
  if (first === null) return { etag: (await bucket.head(key)).ETag, chunks: nothing(), close: () => {} };
  const reading = { answer: first };
  return {
    etag: first.etag,
    chunks: chunksOf(bucket, key, patience, start, reading),
    close: () => reading.answer.body.destroy(),
  };
}

interface Answer {
  etag: string | undefined;
  body: Readable;
  /** Where what was asked for ends, in bytes from the object's beginning; infinite if the server doesn't say. */
  end: number;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Asks for the bytes from `start` on; null if the object ends before it. */
async function answerFrom(
  bucket: Bucket,
  key: string,
  start: number,
  end: number | undefined,
): Promise<Answer | null> {
  const wanted =
    start === 0 && end === undefined ? undefined : `bytes=${start}-${end === undefined ? '' : end - 1}`;
  try {
    const { ETag, Body, ContentLength, ContentRange } = await bucket.get(key, wanted);
    const body = Body as Readable;
    const begins = ContentRange === undefined ? 0 : Number(/^bytes (\d+)-/.exec(ContentRange)?.[1]);
    if (begins !== start) {
      body.destroy();
      throw new Error(`asked for the bytes from ${start} on, the store sends those from ${begins} on`);
    }
    const whole = start + (ContentLength ?? Number.POSITIVE_INFINITY);
    return { etag: ETag, body, end: Math.min(end ?? whole, whole) };
  } catch (error) {
    if (nameOf(error) === 'InvalidRange' || statusOf(error) === 416) return null;
    throw error;
  }
}

async function* chunksOf(
  bucket: Bucket,
  key: string,
  { silence }: Patience,
  start: number,
  reading: { answer: Answer },
): AsyncGenerator<Uint8Array> {
  const { end } = reading.answer;
  let position = start;
  let lastBytes = performance.now();
  for (let fruitless = 0; ; ) {
    let failure: unknown;
    try {
      for await (const chunk of reading.answer.body as AsyncIterable<Buffer>) {
        // A server that knows no ranges may send more than it was asked for.
        const part = chunk.subarray(0, end - position);
        position += part.length;
        yield part;
        // What is done with them does not count as the server's silence.
        lastBytes = performance.now();
        fruitless = 0;
        if (position >= end) return;
      }
      if (position >= end || end === Number.POSITIVE_INFINITY) return;
      failure = brokenOff();
    } catch (error) {
      failure = error;
    }
    fruitless += 1;
    const isSilent = performance.now() - lastBytes > FRUITLESS_SILENCES * silence;
    if (fruitless > FRUITLESS || isSilent) throw failure;
    await sleep(PAUSE_MS * 2 ** (fruitless - 1));
    const answer = await answerFrom(bucket, key, position, end);
    // It has become shorter: what has come isn't of the same object.
    if (answer === null) return;
    reading.answer = answer;
  }
}

function brokenOff(): Error {
  return Object.assign(new Error('the connection ends before all has come'), { code: 'ECONNRESET' });
}
