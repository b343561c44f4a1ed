import { createHash } from 'node:crypto';
import type { FileEntry, Manifest, Piece } from './manifest.ts';
import { readPiece } from './pieces.ts';
import type { Store } from './store.ts';
import { otherContent } from './write-content.ts';

/**
 * A file's content, in order. Each chunk is verified before it is given; what is one blob, and the file as a whole, once
 * all of it has been.
 * @throws DstackError `blob-missing`, `blob-damaged`, `bad-manifest`
 */
export async function* readContent(
  { packs }: Pick<Manifest, 'packs'>,
  entry: FileEntry,
  store: Store,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const bytes of parts(packs, entry, store)) {
    hash.update(bytes);
    yield bytes;
  }
  if (hash.digest('hex') === entry.sha256) return;
  throw entry.chunks || entry.pack ? otherContent(entry) : await store.setAside(entry.sha256);
}

async function* parts(
  packs: readonly Piece[],
  { sha256, size, chunks, pack }: FileEntry,
  store: Store,
): AsyncGenerator<Uint8Array> {
  if (chunks) for (const chunk of chunks) yield await readPiece(store, chunk);
  else if (pack) {
    const bytes = await readPiece(store, packs[pack.index] as Piece);
    yield bytes.subarray(pack.offset, pack.offset + size);
  } else yield* await store.read(sha256);
}
