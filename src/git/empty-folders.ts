import { readdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What is younger somebody may be about to put a ref into; milliseconds. Git makes a folder that has gone again. */
const restingMs = 60_000;
/** `refs/AREA` and `refs/PREFIX/AREA` stay. */
const keptLevels = 3;

/**
 * Removes the empty folders deep below a repository's `refs`, each of which takes a block of the disk and time from whoever
 * lists refs. Git makes one to lock a ref in, and leaves it where the ref was a line of `packed-refs`. What can't be removed
 * is left.
 * @param commonDir the repository's common folder
 */
export function removeEmptyFolders(commonDir: string): Promise<void> {
  return removeBelow(join(commonDir, 'refs'), 0);
}

async function removeBelow(folder: string, level: number): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) return;
  for (const entry of entries) {
    if (entry.isDirectory()) await removeBelow(join(folder, entry.name), level + 1);
  }
  if (level < keptLevels || entries.some((entry) => !entry.isDirectory())) return;
  const stats = await stat(folder).catch(() => null);
  // It fails where something is in it.
  if (stats !== null && Date.now() - stats.mtimeMs > restingMs) await rmdir(folder).catch(() => {});
}
