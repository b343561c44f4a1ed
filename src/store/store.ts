import type { Readable } from 'node:stream';
import type { DstackError } from '../errors.ts';

/** A stretch of a blob, in bytes from its beginning. What lies behind its end is not there. */
export interface ByteRange {
  offset: number;
  length: number;
}

/** What a store says of a blob without reading it. */
export interface StoredBlob {
  sha256: string;
  /** In bytes. */
  size: number;
  /** When it was put in, by the store's clock. */
  modified: Date;
}

/** A blob that was moved out of the way: nothing seemed to need it. */
export interface RetiredBlob {
  sha256: string;
  /** In bytes. */
  size: number;
  /** With which others. */
  batch: string;
}

/**
 * What is about to be removed. A retired blob counts as absent: whoever puts it puts it again. But whoever reads it
 * gets it still, so that it is lost to nobody who relied on it before.
 */
export interface RetiredBlobs {
  /** Is a blob moved in one step? Otherwise it is in both places for a moment, and who stands still can make that long. */
  readonly isAtomic: boolean;
  /**
   * Moves a blob among them.
   * @param batch a name: letters, digits and dashes
   * @returns false if it wasn't there, or is too large to be moved in this kind of store
   */
  add(sha256: string, batch: string): Promise<boolean>;
  /** In no order. One that comes or goes meanwhile may be among them or not. */
  list(): AsyncIterable<RetiredBlob>;
  /** Puts it back where it was, unless it is there again. One that has gone is fine. */
  restore(blob: RetiredBlob): Promise<void>;
  /** For good. One that has gone is fine. */
  remove(blob: RetiredBlob): Promise<void>;
}

/** Small files beside the blobs, replaced as a whole. Names have letters, digits and dashes. */
export interface StoreNotes {
  write(name: string, text: string): Promise<void>;
  /** Those whose names begin so, by name. */
  read(start: string): Promise<ReadonlyMap<string, string>>;
  /** One that isn't there is fine. */
  remove(name: string): Promise<void>;
}

/** Content-addressed bytes. Names are lower-case hex sha256 of the content. */
export interface Store {
  /** For people: where it is. */
  readonly location: string;
  /** Is this blob here, whole as far as its size tells? */
  has(sha256: string, size: number): Promise<boolean>;
  /**
   * Puts a file's content in, unless it is there already; durable once it resolves.
   * Hashes while copying. Throws `file-changed` if the content isn't `sha256`, `store-full` if there is no room.
   */
  putFile(path: string, sha256: string): Promise<void>;
  putBytes(bytes: Uint8Array): Promise<{ sha256: string; size: number }>;
  /** All of it, or a part. Throws `blob-missing` if it isn't there. The caller verifies the hash while reading. */
  read(sha256: string, range?: ByteRange): Promise<Readable>;
  /** Writes the blob to `path` (which must not exist) verifying the hash; nothing is left at `path` on failure. */
  fetchFile(sha256: string, path: string): Promise<void>;
  /**
   * For who has read a blob and found that its content is not what its name says: looks once more and moves it aside,
   * so that it counts as absent and the next put replaces it. Returns the error to throw, `blob-damaged`.
   */
  setAside(sha256: string): Promise<DstackError>;
  /**
   * All blobs, in the order of their names, in bounded memory. One that comes or goes meanwhile may be among them or
   * not. Nothing but blobs is listed; a store that isn't there yet has none.
   */
  list(): AsyncIterable<StoredBlob>;
  /** One that isn't there is fine. */
  remove(sha256: string): Promise<void>;
  readonly retired: RetiredBlobs;
  readonly notes: StoreNotes;
  /** The time by the store's clock, which is that of {@link StoredBlob.modified}. Writes something to find out, if it is there already. */
  now(): Promise<Date>;
  /** Removes what was begun before that moment, by the store's clock, and was cut off: no blob, and of no use to anybody. */
  removeRemains(before: Date): Promise<void>;
  /** Milliseconds for which other machines may believe that something is there that has gone. */
  staleFor(): Promise<number>;
}
