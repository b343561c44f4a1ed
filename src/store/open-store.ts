import { isAbsolute, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DstackError, usageError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { openFolderStore } from './folder-store.ts';
import { parseS3Location } from './s3-place.ts';
import { openS3Store } from './s3-store.ts';
import type { Store } from './store.ts';

const HINT =
  'set `store` in .dstackrc to a folder, for example `file:/data/dstack-store`, or to `s3://BUCKET/PREFIX`';

/**
 * Opens a store: an absolute path, `file:/PATH` (taken literally) or `file:///PATH` (a URL: percent-encoded),
 * or `s3://BUCKET/PREFIX?endpoint=…&region=…`.
 * Nothing is created until something is put in. Throws `store-unsupported` for other kinds, `bad-store` (usage).
 */
export function openStore(location: string): Store {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(location)?.[1]?.toLowerCase();
  if (scheme === 's3') return openS3Store(parseS3Location(location));
  if (scheme !== undefined && scheme !== 'file') {
    throw new DstackError('store-unsupported', `unknown kind of store: ${plainText(location)}`, {
      hint: HINT,
    });
  }
  const path = folderOf(location);
  if (!isAbsolute(path) || path.includes('\0')) {
    throw usageError('bad-store', `the store must be an absolute path: ${plainText(location)}`, HINT);
  }
  return openFolderStore(normalize(path).replace(/(?<=.)\/$/, ''));
}

function folderOf(location: string): string {
  if (!/^file:/i.test(location)) return location;
  if (!/^file:\/\//i.test(location)) return location.slice('file:'.length);
  try {
    return fileURLToPath(location);
  } catch (error) {
    throw new DstackError('bad-store', `not a valid file URL: ${plainText(location)}`, {
      hint: HINT,
      cause: error,
      exitCode: 2,
    });
  }
}
