import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { compressed, decompressed } from './compression.ts';
import type { ContentCache } from './content-cache.ts';
import { type Blob, blobOf, type Piece } from './manifest.ts';
import { readTwice } from './read-twice.ts';
import type { Store } from './store.ts';

/** No piece that is written is larger, in bytes; of one that is read, no more is believed. */
export const largestPiece = 64 << 20;

/**
 * Puts content in as one blob, compressed where that pays. `bytes` may be used again once it resolves.
 * @throws what the store throws
 */
export async function putPiece(store: Store, bytes: Uint8Array): Promise<Piece> {
  const small = await compressed(bytes);
  const { sha256, size } = await store.putBytes(small ?? bytes);
  return small ? { sha256, size: bytes.length, brotli: size } : { sha256, size };
}

/**
 * The content of a piece, verified.
 * @throws DstackError `blob-missing`, `blob-damaged`, and `bad-manifest` for a piece that can't be one
 */
export async function readPiece(
  store: Store,
  piece: Piece,
  cache?: Pick<ContentCache, 'read' | 'keepBytes'>,
): Promise<Uint8Array> {
  const blob = blobOf(piece);
  if (Math.max(piece.size, blob.size) > largestPiece) throw badPiece(store, blob, 'is larger than any piece');
  const kept = await cache?.read(blob);
  const stored = kept ?? (await readBlob(store, blob));
  if (!kept) await cache?.keepBytes(blob, stored);
  if (piece.brotli === undefined) return stored;
  const content = await decompressed(stored, piece.size);
  if (content === null) throw badPiece(store, blob, `is not ${piece.size} bytes compressed by Brotli`);
  return content;
}

/** All of a blob, in memory; read once more if it was damaged on its way. */
async function readBlob(store: Store, blob: Blob): Promise<Uint8Array> {
  // Each part goes to its place at once: those that wait to be put together would be in memory twice.
  const bytes = Buffer.allocUnsafeSlow(blob.size);
  const isRight = await readTwice(store, blob, (part, offset) => bytes.set(part, offset));
  if (!isRight) throw await store.setAside(blob.sha256);
  return bytes;
}

function badPiece({ location }: Store, { sha256 }: Blob, problem: string): DstackError {
  return new DstackError(
    'bad-manifest',
    `the list of artifacts is not valid: blob ${sha256} in ${plainText(location)} ${problem}`,
    { hint: 'it was not written by dstack as it stands: do not trust that run' },
  );
}
