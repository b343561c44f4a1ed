import type { Stats } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import { plainText } from '../terminal-text.ts';
import { errno } from './file-errors.ts';

// Whoever may write into a store can put a link there. What is removed through one would be somebody else's.

/** What is there itself, a link too; null: nothing. */
export async function statsOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Is each folder on the way from a store's root folder there, and not a link? The root may be one. */
export async function isOwnFolder(root: string, ...names: readonly string[]): Promise<boolean> {
  let path = root;
  for (const name of names) {
    path = join(path, name);
    if (!(await statsOf(path))?.isDirectory()) return false;
  }
  return true;
}

/** Makes these folders, each in the one before. Where a link or file stands, it fails with ENOTDIR. */
export async function makeOwnFolder(root: string, ...names: readonly string[]): Promise<void> {
  let path = root;
  for (const name of names) {
    path = join(path, name);
    await makeFolder(path);
    // Another may have removed it again, empty as it was.
    const stats = await statsOf(path);
    if (stats?.isDirectory() === false) throw notAFolder(path);
  }
}

/** As the system says it. */
export function notAFolder(path: string): Error {
  return Object.assign(new Error(`${plainText(path)} is not a folder`), { code: 'ENOTDIR' });
}

/** The sorted names in a folder of a store; none if there is no such folder, or a link on the way. */
export async function namesIn(root: string, ...names: readonly string[]): Promise<string[]> {
  try {
    return (await isOwnFolder(root, ...names)) ? (await readdir(join(root, ...names))).sort() : [];
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Makes names that were given or taken in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder; they are as durable as they are.
    if (errno(error) !== 'EINVAL' && errno(error) !== 'ENOTSUP') throw error;
  } finally {
    await folder.close();
  }
}
