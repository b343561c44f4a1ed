import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { largestChunk } from './chunk-cuts.ts';
import { fileEntry } from './file-entry.ts';
import { type KnownContent, type KnownFiles, openKnownFiles } from './known-files.ts';
import { blobOf, type FileEntry, type Manifest, manifestTotals, type Piece } from './manifest.ts';
import { checkManifest } from './manifest-text.ts';
import { mapLimited } from './map-limited.ts';
import { smallFile } from './pack-groups.ts';
import { putPiece } from './pieces.ts';
import { countProgress, type OnProgress } from './progress.ts';
import { readArtifact, readWhole } from './read-artifact.ts';
import type { Store } from './store.ts';
import { storeLargeFile } from './store-large-file.ts';
import { type FoundFile, storeSmallFiles } from './store-small-files.ts';
import { walkArtifacts } from './walk-artifacts.ts';

export interface Collected {
  manifest: Manifest;
  /** Those of the given paths at which there is nothing. */
  missing: string[];
  /** What can't be an artifact and was left out, in words. */
  skipped: string[];
  totals: { files: number; bytes: number };
}

export interface CollectOptions {
  progress?: OnProgress | undefined;
  /** What earlier calls for this workspace have read. */
  known?: KnownFiles | undefined;
}

/**
 * Puts the files at and below `paths`, relative to the workspace `root`, into the store, and lists them. Small ones share
 * blobs, large ones are cut into chunks; what the store has is not put in again, and what is known not read again.
 * Nothing is uploaded before everything has been found fit: see {@link walkArtifacts} for what is not. Throws
 * `file-changed` for a file that will not keep still, and what the store throws.
 */
export async function collectArtifacts(
  root: string,
  paths: readonly string[],
  store: Store,
  { progress, known = openKnownFiles() }: CollectOptions = {},
): Promise<Collected> {
  const workspace = await realpath(root);
  const { found, missing, skipped } = await walkArtifacts(workspace, paths);
  const files = found.filter((item) => item.type === 'file').sort(byPath);
  const count = countProgress(
    files.map(({ size }) => size),
    progress,
  );
  const [small, large] = [files.filter(isSmall), files.filter((file) => !isSmall(file))];
  const { packs, entries } = await storeSmallFiles(workspace, small, store, known, count.file);

  const one = async (file: FoundFile) => {
    const entry = await storeFile(workspace, file, store, known, count.bytes);
    count.file(0);
    return entry;
  };
  const middling = await mapLimited(
    large.filter(({ size }) => size <= largestChunk),
    one,
  );
  const cut: FileEntry[] = [];
  // Each keeps the processor and the store busy by itself.
  for (const file of large) if (file.size > largestChunk) cut.push(await one(file));

  const others = found.filter((item) => item.type !== 'file');
  const manifest = checkManifest({ packs, entries: [...entries, ...middling, ...cut, ...others] });
  return { manifest, missing, skipped, totals: manifestTotals(manifest) };
}

function isSmall({ size }: FoundFile): boolean {
  return size < smallFile;
}

function byPath(a: FoundFile, b: FoundFile): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}

async function storeFile(
  workspace: string,
  { path, stats: walked }: FoundFile,
  store: Store,
  known: KnownFiles,
  stored: (bytes: number) => void,
): Promise<FileEntry> {
  const before = known.find(path, walked);
  if (before && (await hasContent(store, before, Number(walked.size)))) {
    stored(Number(walked.size));
    return fileEntry(path, walked, before);
  }
  const { result, stats } = await readArtifact(workspace, path, async (file, size): Promise<KnownContent> => {
    if (size > largestChunk) return storeLargeFile(file, { path, size }, store, stored);
    const bytes = await readWhole(file, size, path);
    const piece = await putPiece(store, bytes);
    stored(size);
    if (piece.brotli === undefined) return { sha256: piece.sha256 };
    return { sha256: createHash('sha256').update(bytes).digest('hex'), chunks: [piece] };
  });
  known.keep(path, stats, result);
  return fileEntry(path, stats, result);
}

async function hasContent(store: Store, { sha256, chunks }: KnownContent, size: number): Promise<boolean> {
  const pieces: readonly Piece[] = chunks ?? [{ sha256, size }];
  const there = await mapLimited(pieces.map(blobOf), (blob) => store.has(blob.sha256, blob.size));
  return there.every(Boolean);
}
