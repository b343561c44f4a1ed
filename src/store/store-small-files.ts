import { createHash } from 'node:crypto';
import { fileEntry } from './file-entry.ts';
import type { KnownFiles } from './known-files.ts';
import type { FileEntry, Manifest, Piece } from './manifest.ts';
import { blobOf } from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import { openGrouper, smallFile } from './pack-groups.ts';
import { putPiece } from './pieces.ts';
import { artifactChanged, readArtifact, readWhole } from './read-artifact.ts';
import type { Store } from './store.ts';
import type { Found } from './walk-artifacts.ts';

export type FoundFile = Extract<Found, { type: 'file' }>;

/** So many are looked at before the next ones are: what they hold is in memory, of them and of a pack. */
const window = 64;
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
  known: KnownFiles,
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
      const members = await mapLimited(files.slice(start, start + window), (file) =>
        readMember(workspace, file, known),
      );
      for (const member of members) {
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

async function readMember(workspace: string, file: FoundFile, known: KnownFiles): Promise<Member> {
  const { path } = file;
  const content = known.find(path, file.stats);
  if (content) return { entry: fileEntry(path, file.stats, content), bytes: null };
  const { result, stats } = await readSmall(workspace, path);
  const sha256 = createHash('sha256').update(result).digest('hex');
  known.keep(path, stats, { sha256 });
  return { entry: fileEntry(path, stats, { sha256 }), bytes: result };
}

function readSmall(workspace: string, path: string) {
  return readArtifact(workspace, path, (file, size) => {
    // One that was small when the folder was gone through, and grows out of memory.
    if (size > 2 * smallFile) throw artifactChanged(path);
    return readWhole(file, size, path);
  });
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
  const parts = await mapLimited(members, async ({ entry, bytes }) => bytes ?? readAgain(workspace, entry));
  const piece = await putPiece(store, Buffer.concat(parts));
  known.keepPack(key, piece);
  return piece;
}

/** What was known of a file has turned out not to be enough: the store lacks it. */
async function readAgain(workspace: string, { path, sha256 }: FileEntry): Promise<Uint8Array> {
  const { result } = await readSmall(workspace, path);
  if (createHash('sha256').update(result).digest('hex') !== sha256) throw artifactChanged(path);
  return result;
}
