import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compressed } from './compression.ts';
import type { ContentCache } from './content-cache.ts';
import type { Blob, Manifest, Piece } from './manifest.ts';
import { blobOf } from './manifest.ts';
import { largestPiece } from './pieces.ts';
import type { BlobSource } from './repair-blobs.ts';

/** A file that a blob is a piece of. */
export interface PlaceInFile {
  readonly file: Blob;
  /** In bytes. */
  readonly offset: number;
  readonly piece: Piece;
}

/** Where the blobs of a manifest's chunked files are in these, by sha256. */
export function placesInFiles({ entries }: Manifest): [sha256: string, place: PlaceInFile][] {
  return entries.flatMap((entry) => {
    if (entry.type !== 'file' || !entry.chunks) return [];
    const file = { sha256: entry.sha256, size: entry.size };
    let offset = 0;
    return entry.chunks.map((piece): [string, PlaceInFile] => {
      const place = { file, offset, piece };
      offset += piece.size;
      return [blobOf(piece).sha256, place];
    });
  });
}

/**
 * What a machine keeps of inputs, as a source of lost blobs: of those that it has as they are, and of those that can be
 * cut out of files that it has.
 * @param places where blobs are in files
 * @param folder for copies of such files, removed by the caller
 */
export function cacheAsSource(
  name: string,
  cache: Pick<ContentCache, 'take'>,
  places: ReadonlyMap<string, PlaceInFile>,
  folder: string,
): BlobSource {
  const taken = new Map<string, Promise<string | null>>();
  const take = (file: Blob): Promise<string | null> => {
    const path = join(folder, `whole-${file.sha256}`);
    const known = taken.get(file.sha256) ?? cache.take(file, path).then((isThere) => (isThere ? path : null));
    taken.set(file.sha256, known);
    return known;
  };
  return {
    name,
    async fetch(blob, path) {
      if (await cache.take(blob, path)) return true;
      const place = places.get(blob.sha256);
      // It is as large as a list of artifacts says: no more is read into memory than any piece can have.
      if (!place || place.piece.size > largestPiece) return false;
      const file = await take(place.file);
      if (file === null) return false;
      const bytes = await readPart(file, place.offset, place.piece.size);
      const stored = place.piece.brotli === undefined ? bytes : await compressed(bytes);
      if (stored === null || createHash('sha256').update(stored).digest('hex') !== blob.sha256) return false;
      await writeFile(path, stored, { flag: 'wx' });
      return true;
    },
  };
}

async function readPart(path: string, offset: number, size: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
