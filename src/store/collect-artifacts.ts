import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { errno, fileError } from './file-errors.ts';
import { copyAndHash, isAt, openRegularFile } from './hash-file.ts';
import { type FileEntry, type Manifest, manifestTotals } from './manifest.ts';
import { checkManifest } from './manifest-text.ts';
import { mapLimited } from './map-limited.ts';
import { countProgress, type OnProgress } from './progress.ts';
import type { Store } from './store.ts';
import { walkArtifacts } from './walk-artifacts.ts';

export interface Collected {
  manifest: Manifest;
  /** Those of the given paths at which there is nothing. */
  missing: string[];
  totals: { files: number; bytes: number };
}

/**
 * Puts the files at and below `paths`, relative to the workspace `root`, into the store, and lists them.
 * Nothing is uploaded before everything has been found fit: see {@link walkArtifacts} for what is not. Throws
 * `file-changed` for a file that will not keep still, and what the store throws.
 */
export async function collectArtifacts(
  root: string,
  paths: readonly string[],
  store: Store,
  onProgress?: OnProgress,
): Promise<Collected> {
  const workspace = await realpath(root);
  const { found, missing } = await walkArtifacts(workspace, paths);
  const sizes = found.flatMap((item) => (item.type === 'file' ? [item.size] : []));
  const fileDone = countProgress(sizes, onProgress);
  const entries = await mapLimited(found, async (item) => {
    if (item.type !== 'file') return item;
    const entry = await storeFile(workspace, item.path, store);
    fileDone(item.size);
    return entry;
  });
  const manifest = checkManifest({ format: 1, entries });
  return { manifest, missing, totals: manifestTotals(manifest) };
}

/** Hashes a file, puts it in, and does both once more if the file changed meanwhile. */
async function storeFile(workspace: string, path: string, store: Store, retry = true): Promise<FileEntry> {
  try {
    const entry = await hashFile(workspace, path);
    // The store hashes what it copies: a file that was exchanged in between is not taken for this one.
    if (!(await store.has(entry.sha256, entry.size)))
      await store.putFile(join(workspace, path), entry.sha256);
    return entry;
  } catch (error) {
    const changed = errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR' ? fileChanged(path) : error;
    const isChange = changed instanceof DstackError && changed.code === 'file-changed';
    if (isChange && retry) return storeFile(workspace, path, store, false);
    throw isChange ? fileChanged(path) : fileError(changed, path);
  }
}

async function hashFile(workspace: string, path: string): Promise<FileEntry> {
  const file = await openRegularFile(join(workspace, path));
  try {
    if (!(await isAt(file, join(workspace, path)))) throw fileChanged(path);
    const before = await file.stat({ bigint: true });
    const { sha256, size } = await copyAndHash(file, null, Number(before.size));
    const after = await file.stat({ bigint: true });
    const still = before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
    if (!still || BigInt(size) !== before.size) throw fileChanged(path);
    return { type: 'file', path, size, sha256, executable: (before.mode & 0o100n) !== 0n };
  } finally {
    await file.close();
  }
}

function fileChanged(path: string): DstackError {
  return new DstackError('file-changed', `The artifact ${plainText(path)} changes while it is being read`, {
    hint: 'Something still writes to it: let the job end all its processes before its commands end.',
  });
}
