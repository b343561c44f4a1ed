import type { Readable } from 'node:stream';

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
  /** Throws `blob-missing` if it isn't there. The caller verifies the hash while reading. */
  read(sha256: string): Promise<Readable>;
  /** Writes the blob to `path` (which must not exist) verifying the hash; nothing is left at `path` on failure. */
  fetchFile(sha256: string, path: string): Promise<void>;
}
