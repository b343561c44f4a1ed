import type { BigIntStats } from 'node:fs';
import type { KnownContent } from './known-files.ts';
import type { FileEntry } from './manifest.ts';

/** A file of the workspace as the manifest lists it. */
export function fileEntry(path: string, stats: BigIntStats, { sha256, chunks }: KnownContent): FileEntry {
  return {
    type: 'file',
    path,
    size: Number(stats.size),
    sha256,
    executable: (stats.mode & 0o100n) !== 0n,
    ...(chunks && { chunks }),
  };
}
