import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/** The `code` of a system error (`ENOENT` …), or undefined. */
export function errno(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Gives a system error from within the store's folder the words a person can act on; others pass unchanged. */
export function storeError(error: unknown, root: string): unknown {
  const where = plainText(root);
  switch (errno(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DstackError('store-full', `there is no room left in the store ${where}`, {
        hint: 'free space on that disk, or set `store` in .dstackrc to a place with more room',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new DstackError('store-denied', `no permission to use the store ${where}`, {
        hint: 'give the user that runs dstack read and write access to the folder and everything in it',
        cause: error,
      });
    case 'EROFS':
      return new DstackError('store-read-only', `the store ${where} is on a read-only file system`, {
        hint: 'mount it for writing, or set `store` in .dstackrc to another place',
        cause: error,
      });
    case 'ENOTDIR':
    case 'EEXIST':
      return new DstackError('store-not-a-folder', `the store ${where}, or a part of it, is not a folder`, {
        hint: 'move the file that is in its place away, or set `store` in .dstackrc to another place',
        cause: error,
      });
    default:
      return error;
  }
}

/** The same for a file of a workspace, or of a folder that artifacts are written to. */
export function fileError(error: unknown, path: string): unknown {
  const where = plainText(path);
  switch (errno(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DstackError('disk-full', `disk full: there is no room left for ${where}`, {
        hint: 'free space on that disk and try again: what is there already is kept',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new DstackError('file-denied', `no permission to access ${where}`, {
        hint: 'check its owner and mode: a container may have written it as another user',
        cause: error,
      });
    case 'EROFS':
      return new DstackError('file-read-only', `${where} is on a read-only file system`, {
        hint: 'choose another folder',
        cause: error,
      });
    case 'ENAMETOOLONG':
      return new DstackError('name-too-long', `the name is too long for this file system: ${where}`, {
        hint: 'use shorter names, or a folder with a shorter path',
        cause: error,
      });
    default:
      return error;
  }
}
