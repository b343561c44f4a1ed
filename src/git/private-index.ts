import { mkdtemp, open, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFull, saysDiskFull } from '../disk-full.ts';

/**
 * Runs `use` with the path of an index file in a private folder, which is removed afterwards. The file is a copy of
 * `original` if that exists; otherwise it does not exist either, which to Git is an empty index.
 */
export async function withPrivateIndex<Result>(
  original: string | null,
  use: (indexFile: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'git-index-')).catch(orFull);
  try {
    const indexFile = join(folder, 'index');
    if (original !== null) await copyIndex(original, indexFile).catch(orFull);
    return await use(indexFile);
  } finally {
    // A Git that is being cancelled may still be writing there.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The folder for temporary files may be on a small disk of its own. */
function orFull(error: Error): never {
  throw saysDiskFull(error.message) ? diskFull(tmpdir(), error) : error;
}

/**
 * Git takes a file for unchanged if size and times match its entry, unless the entry is as young as the index
 * file. So the copy must not be younger than the original: it would hide a change of the same size made in the
 * moment of the last `git add`. Bytes and time come from one open file, since Git replaces its index by renaming.
 */
async function copyIndex(from: string, to: string): Promise<void> {
  const file = await open(from).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { mtimeNs } = await file.stat({ bigint: true });
    await writeFile(to, await file.readFile(), { mode: 0o600 });
    // A millisecond earlier, because Node passes times as floating point numbers, which could round up.
    const seconds = Number(mtimeNs / 1_000_000n - 1n) / 1_000;
    await utimes(to, seconds, seconds);
  } finally {
    await file.close();
  }
}
