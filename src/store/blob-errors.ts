import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/** What a blob is called in every kind of store: `sha256/ab/REST`. Throws `bad-blob-name`. */
export function blobName(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new DstackError('bad-blob-name', `not a sha256 in lower-case hex: ${plainText(sha256)}`, {
      hint: 'what names it was not written by dstack: do not trust that run',
    });
  }
  return `sha256/${sha256.slice(0, 2)}/${sha256.slice(2)}`;
}

/** @param location of the store */
export function blobMissing(sha256: string, location: string, cause?: unknown): DstackError {
  return new DstackError('blob-missing', `blob ${sha256} is not in the store ${plainText(location)}`, {
    hint: 'run the job that made it again (`--no-cache`), or copy the blob back from a backup',
    cause,
  });
}

/** @param hint what became of it, and what to do */
export function blobDamaged(sha256: string, location: string, hint: string): DstackError {
  return new DstackError('blob-damaged', `blob ${sha256} in the store ${plainText(location)} is damaged`, {
    hint,
  });
}

/** A file's content isn't what it was when its hash was taken. */
export function fileChanged(path: string): DstackError {
  return new DstackError('file-changed', `${plainText(path)} changed while it was being stored`, {
    hint: 'something still writes to it: let the job end all its processes before its commands end',
  });
}
