import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { fileEntry } from './file-entry.ts';
import type { KnownFiles } from './known-files.ts';
import type { FileEntry, Manifest, Piece } from './manifest.ts';
import { blobOf } from './manifest.ts';
import { openGrouper, smallFile } from './pack-groups.ts';
import { putPiece } from './pieces.ts';
import { artifactChanged, readSmallArtifact, requireAsFound } from './read-artifact.ts';
import type { Store } from './store.ts';
import type { Found } from './walk-artifacts.ts';

export type FoundFile = Extract<Found, { type: 'file' }>;

/** So many are read before others have their turn: about as many milliseconds as a tenth of it. */
const window = 64;
/** One that was small when the folder was gone through may have grown; not out of memory. */
const mostBytes = 2 * smallFile;
const packsAtOnce = 4;

interface Member {
  readonly entry: FileEntry;
  /** Null if it is known what it holds, and so was not read. */
  readonly bytes: Uint8Array | null;
}

/**
 * Puts small files into the store, many of them in a blob.
 * @param files sorted by path
 * @param stored hears of each file that is through
 */
export async function storeSmallFiles(
  workspace: string,
  files: readonly FoundFile[],
  store: Store,
  { known, asFound }: { known: KnownFiles; asFound: boolean },
  stored: (size: number) => void,
): Promise<Manifest> {
  const packs: Piece[] = [];
  const entries: FileEntry[] = [];
  const endsPack = openGrouper();
  const storing = new Set<Promise<void>>();
  let group: Member[] = [];

  const storeGroup = async (members: readonly Member[]) => {
    const piece = await storePack(workspace, members, store, known);
    entries.push(...placed(members, piece, packs));
    for (const { entry } of members) stored(entry.size);
  };
  const endGroup = async () => {
    const members = group;
    group = [];
    const work = storeGroup(members).finally(() => storing.delete(work));
    storing.add(work);
    if (storing.size >= packsAtOnce) await Promise.race(storing);
  };

  try {
    for (let start = 0; start < files.length; start += window) {
      // Others have their turn between the windows: all of one is read at once.
      await setImmediate();
      for (const file of files.slice(start, start + window)) {
        const member = readMember(workspace, file, known, asFound);
        group.push(member);
        if (endsPack(member.entry)) await endGroup();
      }
    }
    if (group.length > 0) await endGroup();
    await Promise.all(storing);
  } finally {
    await Promise.allSettled(storing);
  }
  return { packs, entries };
}

/** The entries of a pack's files; one that is alone in it has the blob for itself. */
function placed(members: readonly Member[], piece: Piece, packs: Piece[]): FileEntry[] {
  const [first] = members;
  if (members.length === 1 && first)
    return [piece.brotli === undefined ? first.entry : { ...first.entry, chunks: [piece] }];
  const index = packs.push(piece) - 1;
  let offset = 0;
  return members.map(({ entry }) => {
    const pack = { index, offset };
    offset += entry.size;
    return { ...entry, pack };
  });
}

function readMember(workspace: string, file: FoundFile, known: KnownFiles, asFound: boolean): Member {
  const { path } = file;
  const content = known.find(path, file.stats);
  if (content) return { entry: fileEntry(path, file.stats, content), bytes: null };
  const { bytes, stats } = readSmallArtifact(workspace, path, mostBytes);
  if (asFound) requireAsFound(path, file.stats, stats);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  known.keep(path, stats, { sha256 });
  return { entry: fileEntry(path, stats, { sha256 }), bytes };
}

async function storePack(
  workspace: string,
  members: readonly Member[],
  store: Store,
  known: KnownFiles,
): Promise<Piece> {
  const contents = members.map(({ entry }) => entry.sha256).join(' ');
  const key = createHash('sha256').update(contents).digest('hex');
  const before = known.findPack(key);
  if (before) {
    const { sha256, size } = blobOf(before);
    if (await store.has(sha256, size)) return before;
  }
  const parts = members.map(({ entry, bytes }) => bytes ?? readAgain(workspace, entry));
  const piece = await putPiece(store, Buffer.concat(parts));
  known.keepPack(key, piece);
  return piece;
}

/** What was known of a file has turned out not to be enough: the store lacks it. */
function readAgain(workspace: string, { path, sha256 }: FileEntry): Uint8Array {
  const { bytes } = readSmallArtifact(workspace, path, mostBytes);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw artifactChanged(path);
  return bytes;
}
