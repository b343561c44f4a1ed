import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { mapLimited } from './map-limited.ts';

export interface Measured {
  /** What it takes of the disk, at least a little for each file. */
  readonly bytes: number;
  readonly files: number;
  /** The same for two that have the same names with the same sizes and times: one is then the other's copy. */
  readonly fingerprint: string;
}

/** More are no dependencies of a job; to count them would take minutes. */
const mostFiles = 2_000_000;
/** What a name costs, in bytes: an empty file takes no block of its own. */
const perName = 256;

/** What a folder holds; links are not followed. Null: too many files. */
export async function measureFolder(root: string): Promise<Measured | null> {
  const hash = createHash('sha256');
  const linked = new Set<string>();
  let bytes = 0;
  let files = 0;
  const count = (path: Buffer, stats: Stats) => {
    const kind = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'file';
    // A folder's own time is that of when it was copied.
    const state = kind === 'folder' ? '' : `${stats.size} ${stats.mtimeMs}`;
    hash.update(path).update(`\0${kind} ${state}\0`);
    bytes += perName;
    if (kind === 'folder') return;
    files += 1;
    const id = `${stats.dev} ${stats.ino}`;
    if (stats.nlink > 1 && linked.has(id)) return;
    if (stats.nlink > 1) linked.add(id);
    bytes += stats.blocks * 512;
  };
  /** Names are bytes: one that is not UTF-8 would not survive as text. */
  const waiting: Buffer[] = [Buffer.alloc(0)];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const below = folder.length === 0 ? folder : Buffer.concat([folder, Buffer.from('/')]);
    const names = await readdir(Buffer.concat([Buffer.from(`${root}/`), folder]), { encoding: 'buffer' });
    const paths = names.sort(Buffer.compare).map((name) => Buffer.concat([below, name]));
    if (files + paths.length > mostFiles) return null;
    const found = await mapLimited(paths, (path) => lstat(Buffer.concat([Buffer.from(`${root}/`), path])));
    for (const [index, stats] of found.entries()) {
      const path = paths[index] as Buffer;
      count(path, stats);
      if (stats.isDirectory()) waiting.push(path);
    }
  }
  return { bytes, files, fingerprint: hash.digest('hex') };
}
