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
import {
  type ReadableFile,
  readArtifact,
  readBeginning,
  readWhole,
  requireAsFound,
} from './read-artifact.ts';
import type { Store } from './store.ts';
import { storeLargeFile } from './store-large-file.ts';
import { type FoundFile, storeSmallFiles } from './store-small-files.ts';
import { type Walked, walkArtifacts } from './walk-artifacts.ts';

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
  options: CollectOptions = {},
): Promise<Collected> {
  const workspace = await realpath(root);
  return storeFound(workspace, await walkArtifacts(workspace, paths), store, options);
}

/**
 * The second half of {@link collectArtifacts}: for what has been found in a workspace, whose path has no links.
 * @param asFound whether each file must be as it was found, so that all together are what there was at one moment
 */
export async function storeFound(
  workspace: string,
  { found, missing, skipped }: Walked,
  store: Store,
  { progress, known = openKnownFiles() }: CollectOptions,
  asFound = false,
): Promise<Collected> {
  const files = found.filter((item) => item.type === 'file').sort(byPath);
  const count = countProgress(
    files.map(({ size }) => size),
    progress,
  );
  const [small, large] = [files.filter(isSmall), files.filter((file) => !isSmall(file))];
  const { packs, entries } = await storeSmallFiles(workspace, small, store, { known, asFound }, count.file);

  const one = async (file: FoundFile) => {
    const entry = await storeFile(workspace, file, store, { known, asFound }, count.bytes);
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

/** One that grows is not: it is read in another way. */
function isSmall({ size, grows }: FoundFile): boolean {
  return size < smallFile && !grows;
}

function byPath(a: FoundFile, b: FoundFile): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}

async function storeFile(
  workspace: string,
  found: FoundFile,
  store: Store,
  { known, asFound }: { known: KnownFiles; asFound: boolean },
  stored: (bytes: number) => void,
): Promise<FileEntry> {
  const { path, stats: walked, grows } = found;
  const before = known.find(path, walked);
  if (before && (await hasContent(store, before, Number(walked.size)))) {
    stored(Number(walked.size));
    return fileEntry(path, walked, before);
  }
  const read = async (file: ReadableFile, size: number): Promise<KnownContent> => {
    if (size > largestChunk) return storeLargeFile(file, { path, size }, store, stored);
    const bytes = await readWhole(file, size, path);
    const piece = await putPiece(store, bytes);
    stored(size);
    if (piece.brotli === undefined) return { sha256: piece.sha256 };
    return { sha256: createHash('sha256').update(bytes).digest('hex'), chunks: [piece] };
  };
  const { result, stats } = grows
    ? await readBeginning(workspace, found, read)
    : await readArtifact(workspace, path, read);
  if (asFound) requireAsFound(path, walked, stats);
  known.keep(path, stats, result);
  return fileEntry(path, stats, result);
}

async function hasContent(store: Store, { sha256, chunks }: KnownContent, size: number): Promise<boolean> {
  const pieces: readonly Piece[] = chunks ?? [{ sha256, size }];
  const there = await mapLimited(pieces.map(blobOf), (blob) => store.has(blob.sha256, blob.size));
  return there.every(Boolean);
}
