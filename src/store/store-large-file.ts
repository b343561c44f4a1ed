import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { largestChunk, openCutter } from './chunk-cuts.ts';
import type { Piece } from './manifest.ts';
import { putPiece } from './pieces.ts';
import { artifactChanged, type ReadableFile } from './read-artifact.ts';
import type { Store } from './store.ts';

/** Bytes of each of the two buffers: while the chunks of one are stored, the other is filled. */
const bufferBytes = 2 * largestChunk;
const atOnce = 4;

/**
 * Cuts a file into chunks by its content and puts those in that are not there yet; reads it once.
 * @param stored hears of the bytes that are through
 * @throws DstackError `file-changed` if it has not that size, and what the store throws
 */
export async function storeLargeFile(
  file: ReadableFile,
  { path, size }: { path: string; size: number },
  store: Store,
  stored: (bytes: number) => void,
): Promise<{ sha256: string; chunks: Piece[] }> {
  const hash = createHash('sha256');
  const cut = openCutter();
  const limit = pLimit(atOnce);
  const chunks: Piece[] = [];
  let failure: { error: unknown } | null = null;
  const put = async (index: number, bytes: Uint8Array) => {
    if (failure) return;
    try {
      chunks[index] = await putPiece(store, bytes);
      stored(bytes.length);
    } catch (error) {
      failure ??= { error };
    }
  };

  const buffers = [0, 1].map(() => ({ bytes: Buffer.allocUnsafe(bufferBytes), puts: [] as Promise<void>[] }));
  let rest: Uint8Array = new Uint8Array();
  let read = 0;
  let count = 0;
  for (let turn = 0, atEnd = false; !atEnd && !failure; turn += 1) {
    const buffer = buffers[turn % 2] as (typeof buffers)[number];
    await Promise.all(buffer.puts.splice(0));
    let length = rest.length;
    buffer.bytes.set(rest);
    while (length < bufferBytes) {
      const { bytesRead } = await file.read(buffer.bytes, length, bufferBytes - length, null);
      if (bytesRead === 0) break;
      hash.update(buffer.bytes.subarray(length, length + bytesRead));
      length += bytesRead;
      read += bytesRead;
    }
    atEnd = length < bufferBytes || read > size;
    let start = 0;
    while (start < length && (atEnd || length - start >= largestChunk)) {
      const chunk = buffer.bytes.subarray(start, start + cut(buffer.bytes.subarray(start, length)));
      const index = count;
      count += 1;
      buffer.puts.push(limit(() => put(index, chunk)));
      start += chunk.length;
    }
    rest = buffer.bytes.subarray(start, length);
  }
  await Promise.all(buffers.flatMap(({ puts }) => puts));
  if (failure) throw (failure as { error: unknown }).error;
  if (read !== size) throw artifactChanged(path);
  return { sha256: hash.digest('hex'), chunks };
}
