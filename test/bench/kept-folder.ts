import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where what takes minutes to make is kept for the next call; not set: it is made anew, and removed in the end. */
const cache = process.env.DSTACK_BENCH_CACHE;

let temporary: string | null = null;
/** What is being made. */
const unfinished = new Set<string>();
process.once('exit', () => {
  for (const folder of [...unfinished, temporary])
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
});

/**
 * A folder of this name with what `make` has put into it, once: it is there whole, or not at all.
 * @throws what `make` throws
 */
export async function keptFolder(
  name: string,
  make: (folder: string) => Promise<void> | void,
): Promise<string> {
  if (cache === undefined) temporary ??= mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  const all = cache ?? (temporary as string);
  const folder = path.join(all, name);
  if (existsSync(folder)) return folder;
  mkdirSync(all, { recursive: true });
  const making = mkdtempSync(path.join(all, 'making-'));
  unfinished.add(making);
  try {
    await make(making);
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
    unfinished.delete(making);
  }
  return folder;
}
