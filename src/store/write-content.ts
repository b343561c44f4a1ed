import { createHash } from 'node:crypto';
import { constants, writeFileSync } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import type { ContentCache } from './content-cache.ts';
import { isZero, writeAt } from './holes.ts';
import type { FileEntry, Manifest, Piece } from './manifest.ts';
import { readPiece } from './pieces.ts';
import type { Store } from './store.ts';

/** So many packs are kept in memory: files are asked for in the order in which they lie in them. */
const packsKept = 4;

/** Bytes of most chunks: of larger ones fewer are in memory at once. */
const usualChunk = 1 << 20;

/** Writes the files of one manifest. */
export interface ContentWriter {
  /**
   * Writes a file's content to `path`, verified. Where it is one blob, or in a pack, `path` must not exist; one of
   * several chunks goes on with what is there of it, if it was cut off.
   * @throws DstackError `blob-missing`, `blob-damaged`, `bad-manifest` for content that isn't what the list says
   */
  write(entry: FileEntry, path: string): Promise<void>;
}

/**
 * @param cache is asked before the store, for files and for the packs of small ones, and keeps what it lacked
 * @param atOnce so many chunks of a file are fetched at once
 * @param written hears of the bytes of each part
 */
export function openContentWriter(
  { packs }: Pick<Manifest, 'packs'>,
  store: Store,
  cache: ContentCache | undefined,
  atOnce: number,
  written: (bytes: number) => void,
): ContentWriter {
  const opened = new Map<number, Promise<Uint8Array>>();
  const openPack = (index: number): Promise<Uint8Array> => {
    const bytes = opened.get(index) ?? readPiece(store, packs[index] as Piece, cache);
    opened.delete(index);
    opened.set(index, bytes);
    bytes.catch(() => opened.delete(index));
    for (const oldest of opened.keys()) if (opened.size > packsKept) opened.delete(oldest);
    return bytes;
  };

  return {
    async write(entry, path) {
      if (entry.pack) {
        const { index, offset } = entry.pack;
        const bytes = (await openPack(index)).subarray(offset, offset + entry.size);
        if (createHash('sha256').update(bytes).digest('hex') !== entry.sha256) throw otherContent(entry);
        // Synchronously: for what is so small, asking the thread pool three times takes longer than the work itself.
        writeFileSync(path, bytes, { flag: 'wx' });
        return written(entry.size);
      }
      if (await cache?.take(entry, path)) return written(entry.size);
      if (entry.chunks) await writeChunks(store, entry, path, atOnce, written);
      else {
        await store.fetchFile(entry.sha256, path);
        const { size } = await lstat(path);
        if (size !== entry.size) throw otherContent(entry, `has ${size} bytes, but`);
        written(size);
      }
      await cache?.keep(entry, path);
    },
  };
}

async function writeChunks(
  store: Store,
  entry: FileEntry,
  path: string,
  atOnce: number,
  written: (bytes: number) => void,
): Promise<void> {
  const chunks = entry.chunks ?? [];
  const offsets: number[] = [];
  let end = 0;
  for (const { size } of chunks) {
    offsets.push(end);
    end += size;
  }
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666);
  try {
    const before = (await file.stat()).size;
    const endOf = (index: number) => (offsets[index] as number) + (chunks[index] as Piece).size;
    /** Whether a chunk is the one before it once more, as in the hole of a file; where neither can be there already. */
    const isRepeated = (index: number) =>
      chunks[index]?.sha256 === chunks[index - 1]?.sha256 &&
      chunks[index]?.size === chunks[index - 1]?.size &&
      (offsets[index - 1] as number) >= before;
    const load = async (index: number) => {
      const [piece, offset] = [chunks[index] as Piece, offsets[index] as number];
      const there = offset + piece.size <= before ? await contentThere(file, piece, offset) : null;
      return { bytes: there ?? (await readPiece(store, piece)), isThere: there !== null };
    };
    const hash = createHash('sha256');
    const loads = new Map<number, ReturnType<typeof load>>();
    try {
      for (const [index] of chunks.entries()) {
        const last = Math.min(index + atOnce, chunks.length);
        const limit = (offsets[index] as number) + atOnce * usualChunk;
        for (let next = index; next < last && (next === index || endOf(next) <= limit); next += 1) {
          const again = isRepeated(next) ? loads.get(next - 1) : undefined;
          const loading = loads.get(next) ?? again ?? load(next);
          loading.catch(() => {});
          loads.set(next, loading);
        }
        const { bytes, isThere } = await (loads.get(index) as ReturnType<typeof load>);
        loads.delete(index);
        hash.update(bytes);
        const offset = offsets[index] as number;
        if (!isThere && !(offset >= before && isZero(bytes))) await writeAt(file, bytes, offset);
        written(bytes.length);
      }
    } finally {
      await Promise.allSettled(loads.values());
    }
    await file.truncate(end);
    if (hash.digest('hex') !== entry.sha256) {
      // Each blob was what it should be: so together they are not what the list says, and never will be.
      await file.truncate(0);
      throw otherContent(entry);
    }
  } finally {
    await file.close();
  }
}

/** A chunk as an earlier attempt left it; null if it isn't that, or can't be told. */
async function contentThere(file: FileHandle, piece: Piece, offset: number): Promise<Uint8Array | null> {
  if (piece.brotli !== undefined) return null;
  const bytes = Buffer.allocUnsafe(piece.size);
  const { bytesRead } = await file.read(bytes, 0, piece.size, offset);
  const isWhole =
    bytesRead === piece.size && createHash('sha256').update(bytes).digest('hex') === piece.sha256;
  return isWhole ? bytes : null;
}

/** The error for a file whose blobs are right, but not the file that the list says. */
export function otherContent(entry: FileEntry, says = 'has another content than'): DstackError {
  const expected = says.endsWith('but')
    ? `the list of artifacts says ${entry.size}`
    : 'the list of artifacts says';
  return new DstackError('bad-manifest', `${plainText(entry.path)} ${says} ${expected}`, {
    hint: 'the list was not written by dstack as it stands: do not trust that run',
  });
}
