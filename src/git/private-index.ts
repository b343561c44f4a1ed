import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFull, saysDiskFull } from '../disk-full.ts';

/**
 * Runs `use` with the path of an index file in a private folder, which is removed afterwards, and what is in it. The file
 * is a copy of `original` if that exists; otherwise it does not exist either, which to Git is an empty index.
 */
export async function withPrivateIndex<Result>(
  original: string | null,
  use: (indexFile: string, content: Buffer) => Promise<Result>,
): Promise<Result> {
  const folder = whereThereIsRoom(() => mkdtempSync(join(tmpdir(), 'git-index-')));
  try {
    const indexFile = join(folder, 'index');
    const content =
      original === null ? Buffer.alloc(0) : whereThereIsRoom(() => copyIndex(original, indexFile));
    return await use(indexFile, content);
  } finally {
    // A Git that is being cancelled may still be writing there.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The folder for temporary files may be on a small disk of its own. @throws DstackError `disk-full` */
function whereThereIsRoom<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw saysDiskFull((error as Error).message) ? diskFull(tmpdir(), error) : error;
  }
}

/**
 * Git takes a file for unchanged if size and times match its entry, unless the entry is as young as the index
 * file. So the copy must not be younger than the original: it would hide a change of the same size made in the
 * moment of the last `git add`. Bytes and time come from one open file, since Git replaces its index by renaming.
 */
function copyIndex(from: string, to: string): Buffer {
  let file: number;
  try {
    file = openSync(from, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const { mtimeNs } = fstatSync(file, { bigint: true });
    const content = readFileSync(file);
    writeFileSync(to, content, { mode: 0o600 });
    // A millisecond earlier, because Node passes times as floating point numbers, which could round up.
    const seconds = Number(mtimeNs / 1_000_000n - 1n) / 1_000;
    utimesSync(to, seconds, seconds);
    return content;
  } finally {
    closeSync(file);
  }
}
