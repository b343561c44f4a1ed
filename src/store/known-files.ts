import type { BigIntStats } from 'node:fs';
import type { Piece } from './manifest.ts';

/** What is known of a file's content: how it was stored. */
export interface KnownContent {
  readonly sha256: string;
  readonly chunks?: Piece[] | undefined;
}

/**
 * What has been read before, so that what has not changed since needs no reading, as Git's index knows it: by a file's
 * identity, size and times.
 */
export interface KnownFiles {
  find(path: string, stats: BigIntStats): KnownContent | undefined;
  keep(path: string, stats: BigIntStats, content: KnownContent): void;
  /** The pack of files with these contents, one behind the other. */
  findPack(contents: string): Piece | undefined;
  keepPack(contents: string, pack: Piece): void;
}

/** Nanoseconds within which a file may change without its times telling; coarse ones are known to NFS and FAT. */
const coarse = 2_000_000_000n;

/** What was asked for or kept, as it can be written down: by path, and by the contents of packs. */
export interface KnownState {
  readonly files: readonly (readonly [path: string, stamp: string, content: KnownContent])[];
  readonly packs: readonly (readonly [contents: string, pack: Piece])[];
}

/**
 * @param before what was known by an earlier process
 * @param now the time in milliseconds since the epoch; a file that has changed lately may do so again unseen
 */
export function openKnownFiles(
  before: KnownState = { files: [], packs: [] },
  now: () => number = Date.now,
): KnownFiles & { state(): KnownState } {
  const files = new Map(before.files.map(([path, stamp, content]) => [path, { stamp, content }]));
  const packs = new Map(before.packs);
  const used = new Set<unknown>();
  return {
    find(path, stats) {
      const known = files.get(path);
      if (known?.stamp !== stampOf(stats)) return undefined;
      used.add(known);
      return known.content;
    },
    keep(path, stats, content) {
      if (stats.ctimeNs + coarse >= BigInt(Math.floor(now())) * 1_000_000n) return;
      const known = { stamp: stampOf(stats), content };
      used.add(known);
      files.set(path, known);
    },
    findPack(contents) {
      const pack = packs.get(contents);
      if (pack) used.add(pack);
      return pack;
    },
    keepPack(contents, pack) {
      used.add(pack);
      packs.set(contents, pack);
    },
    state: () => ({
      files: [...files].flatMap(([path, known]) =>
        used.has(known) ? [[path, known.stamp, known.content] as const] : [],
      ),
      packs: [...packs].filter(([, pack]) => used.has(pack)),
    }),
  };
}

/** What tells one state of a file from the next. */
export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
