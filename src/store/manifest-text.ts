import { createHash } from 'node:crypto';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { linkProblem, parentPaths, pathProblem } from './artifact-path.ts';
import { type FileEntry, type Manifest, type ManifestEntry, manifestSchema, type Piece } from './manifest.ts';

/** The newest format that is read. 1 knows neither packs nor chunks, and is written where there are none. */
const newestFormat = 2;

/**
 * Reads an `artifacts.json` that anybody may have written.
 * Throws `newer-format` for one of a later dstack, `bad-manifest` for anything unsafe or contradictory.
 * @param sha256 what the record beside it says that its text has
 */
export function parseManifest(text: string | Uint8Array, sha256?: string): Manifest {
  const value = parseJson(text);
  const { format, ...rest } =
    typeof value === 'object' && value !== null ? (value as { format?: unknown }) : {};
  if (typeof format === 'number' && format > newestFormat) {
    throw new DstackError(
      'newer-format',
      `this list of artifacts was written by a newer dstack (format ${format})`,
      { hint: 'update dstack on this machine' },
    );
  }
  if (sha256 !== undefined && hashOfManifest(text) !== sha256)
    throw badManifest('it is not the one of which its record has the hash');
  if (format !== 1 && format !== 2) throw badManifest('it does not say its format');
  if (format === 1 && 'packs' in rest) throw badManifest('it has packs, which format 1 has not');
  const parsed = manifestSchema.safeParse(format === 1 ? { packs: [], ...rest } : rest);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join('.') || 'the top';
    throw badManifest(`at ${plainText(where)}: ${plainText(issue?.message ?? 'malformed')}`, parsed.error);
  }
  return checkManifest(parsed.data);
}

/** What a record says of the list beside it: the sha256 of its text. */
export function hashOfManifest(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The one text of a manifest: sorted, a line for each entry so that Git's diffs of it read well. */
export function serializeManifest(manifest: Manifest): string {
  const { packs, entries } = checkManifest(manifest);
  const list = (values: readonly object[]) =>
    values.length === 0 ? '[]' : `[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`;
  const isPlain = packs.length === 0 && entries.every((entry) => entry.type !== 'file' || !entry.chunks);
  const head = isPlain ? '{"format":1' : `{"format":2,"packs":${list(packs.map(pieceInOrder))}`;
  return `${head},"entries":${list(entries.map(inOrder))}}\n`;
}

/**
 * The manifest with its entries and packs sorted, without packs that nothing names. Throws `bad-manifest` if a path is
 * unsafe, two entries contradict, or a file's content is said to lie where it can't.
 */
export function checkManifest(manifest: Manifest): Manifest {
  const types = new Map<string, ManifestEntry['type']>();
  for (const entry of manifest.entries) {
    const path = plainText(entry.path);
    const problem = pathProblem(entry.path);
    if (problem !== null) throw badManifest(`the path '${path}' ${problem}`);
    if (types.has(entry.path)) throw badManifest(`'${path}' is listed twice`);
    types.set(entry.path, entry.type);
    if (entry.type !== 'link') continue;
    const linkTrouble = linkProblem(entry.path, entry.target);
    if (linkTrouble !== null) {
      throw badManifest(`the target '${plainText(entry.target)}' of the link '${path}' ${linkTrouble}`);
    }
  }
  for (const { path } of manifest.entries) {
    for (const parent of parentPaths(path)) {
      const type = types.get(parent);
      if (type === 'file' || type === 'link') {
        throw badManifest(`'${plainText(path)}' lies inside the ${type} '${plainText(parent)}'`);
      }
    }
  }
  for (const entry of manifest.entries) {
    const problem = entry.type === 'file' ? contentProblem(manifest, entry) : null;
    if (problem !== null) throw badManifest(`'${plainText(entry.path)}' ${problem}`);
  }
  return withSortedPacks({ packs: manifest.packs, entries: sortEntries(manifest.entries) });
}

/** What contradicts itself in where a file's content is said to be; null: nothing. */
function contentProblem({ packs }: Manifest, { size, chunks, pack }: FileEntry): string | null {
  if (chunks && pack) return 'has both chunks and a pack';
  if (chunks && chunks.reduce((sum, chunk) => sum + chunk.size, 0) !== size)
    return 'has chunks of another size than its own';
  const within = pack && packs[pack.index];
  if (pack && within === undefined) return 'lies in a pack that is not listed';
  if (pack && within && pack.offset + size > within.size) return 'ends behind the end of its pack';
  return null;
}

function withSortedPacks({ packs, entries }: Manifest): Manifest {
  const places = new Map<number, number>();
  const placed = entries.map((entry) => {
    if (entry.type !== 'file' || !entry.pack) return entry;
    const { index, offset } = entry.pack;
    if (!places.has(index)) places.set(index, places.size);
    return { ...entry, pack: { index: places.get(index) as number, offset } };
  });
  return { packs: [...places.keys()].map((index) => packs[index] as Piece), entries: placed };
}

/**
 * Paths that are one and the same where upper and lower case are, as on macOS: legal, but worth a warning.
 * Pairs of differing paths, folders included.
 */
export function caseCollisions(manifest: Manifest): [string, string][] {
  const first = new Map<string, string>();
  const collisions = new Map<string, [string, string]>();
  for (const entry of manifest.entries) {
    for (const path of [...parentPaths(entry.path), entry.path]) {
      const folded = path.normalize('NFC').toLowerCase();
      const other = first.get(folded);
      if (other === undefined) first.set(folded, path);
      else if (other !== path) collisions.set(path, [other, path]);
    }
  }
  return [...collisions.values()];
}

/** By the bytes of their paths, which is not JavaScript's own order of strings. */
function sortEntries(entries: readonly ManifestEntry[]): ManifestEntry[] {
  return entries
    .map((entry) => ({ entry, key: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ entry }) => entry);
}

function inOrder(entry: ManifestEntry): ManifestEntry {
  const { path } = entry;
  if (entry.type === 'link') return { type: 'link', path, target: entry.target };
  if (entry.type === 'folder') return { type: 'folder', path };
  const { size, sha256, executable, chunks, pack } = entry;
  return {
    type: 'file',
    path,
    size,
    sha256,
    executable,
    ...(chunks && { chunks: chunks.map(pieceInOrder) }),
    ...(pack && { pack: { index: pack.index, offset: pack.offset } }),
  };
}

function pieceInOrder({ sha256, size, brotli }: Piece): Piece {
  return { sha256, size, ...(brotli !== undefined && { brotli }) };
}

function parseJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(
      typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text),
    );
  } catch (error) {
    throw badManifest('it is not JSON in UTF-8', error);
  }
}

function badManifest(detail: string, cause?: unknown): DstackError {
  return new DstackError('bad-manifest', `the list of artifacts is not valid: ${detail}`, {
    hint: 'it was not written by dstack as it stands: do not trust that run',
    cause,
  });
}
