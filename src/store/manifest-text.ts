import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { linkProblem, parentPaths, pathProblem } from './artifact-path.ts';
import { type Manifest, type ManifestEntry, manifestSchema } from './manifest.ts';

/**
 * Reads an `artifacts.json` that anybody may have written.
 * Throws `newer-format` for one of a later dstack, `bad-manifest` for anything unsafe or contradictory.
 */
export function parseManifest(text: string | Uint8Array): Manifest {
  const value = parseJson(text);
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format > 1) {
    throw new DstackError(
      'newer-format',
      `This list of artifacts was written by a newer dstack (format ${format})`,
      {
        hint: 'Update dstack on this machine.',
      },
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join('.') || 'the top';
    throw badManifest(`at ${plainText(where)}: ${plainText(issue?.message ?? 'malformed')}`, parsed.error);
  }
  return checkManifest(parsed.data);
}

/** The one text of a manifest: sorted, a line for each entry so that Git's diffs of it read well. */
export function serializeManifest(manifest: Manifest): string {
  const lines = checkManifest(manifest).entries.map((entry) => JSON.stringify(inOrder(entry)));
  return `{"format":1,"entries":[${lines.length > 0 ? `\n${lines.join(',\n')}\n` : ''}]}\n`;
}

/** The manifest with its entries sorted. Throws `bad-manifest` if a path is unsafe, or two entries contradict. */
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
  return { format: 1, entries: sortEntries(manifest.entries) };
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
  return { type: 'file', path, size: entry.size, sha256: entry.sha256, executable: entry.executable };
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
  return new DstackError('bad-manifest', `The list of artifacts is not valid: ${detail}`, {
    hint: 'It was not written by dstack as it stands: do not trust that run.',
    cause,
  });
}
