import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { cosmiconfig } from 'cosmiconfig';
import { metaSearchPlaces } from 'cosmiconfig/dist/defaults.js';
import { type Document, isMap, isNode, LineCounter, type Pair, parseDocument } from 'yaml';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { badConfig, type Layer, layerOf, type PlaceOf } from './layer.ts';
import { ownSettings } from './settings.ts';

// cosmiconfig lets its users configure it, and for that runs `.config/config.js` of the current folder, which may be
// of a repository that nobody has looked at yet. Nothing of ours needs that.
metaSearchPlaces.length = 0;

const SEARCH_PLACES = ['.dstackrc', '.dstackrc.yaml', '.dstackrc.json', 'package.json'];

/** YAML, of which JSON is a part; never a loader that runs code. */
const explorer = cosmiconfig('dstack', {
  searchPlaces: SEARCH_PLACES,
  loaders: { noExt: load, '.yaml': load, '.json': load },
  cache: false,
});

/**
 * The layers of all configuration files that hold for a folder, the nearest first: from it up to the top of its Git
 * repository (only itself where there is none: what lies above may be anybody's), then the user's own, which alone may
 * have what is a machine's own business.
 * @throws DstackError `bad-config`, `unreadable-config`
 */
export async function readFiles(cwd: string, userFolder: string): Promise<Layer[]> {
  const files = foldersOf(cwd).flatMap((folder) => SEARCH_PLACES.map((place) => path.join(folder, place)));
  const userFile = path.join(userFolder, 'dstack', 'config.yaml');
  const layers: Layer[] = [];
  for (const file of [...files, userFile]) {
    const layer = await readFile(file);
    if (layer === undefined) continue;
    if (file !== userFile) refuseOwnSettings(layer, userFile);
    layers.push(layer);
  }
  return layers;
}

/** Ignored, they would seem to hold. */
function refuseOwnSettings(layer: Layer, userFile: string): void {
  for (const key of ownSettings) {
    const found = layer.get(key);
    if (found === undefined) continue;
    throw badConfig(
      found.source,
      `${key} can't stand in a project: whoever can push to it could change it`,
      `write it into ${plainText(userFile)}`,
    );
  }
}

function foldersOf(cwd: string): string[] {
  const folders: string[] = [];
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    folders.push(folder);
    if (existsSync(path.join(folder, '.git'))) return folders;
    if (path.dirname(folder) === folder) return [path.resolve(cwd)];
  }
}

async function readFile(file: string): Promise<Layer | undefined> {
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    // A pipe or a device would never end.
    if (!stats.isFile()) throw new Error('it is not a file');
    const result = await explorer.load(file);
    return result?.config ?? undefined;
  } catch (error) {
    if (error instanceof DstackError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    const reason = plainText(error instanceof Error ? error.message : String(error));
    throw new DstackError('unreadable-config', `${plainText(file)} can't be read: ${reason}`, {
      cause: error,
      hint: 'correct it or move it away',
    });
  }
}

/** A loader for cosmiconfig, which takes the property `dstack` of what it returns for a package.json. */
function load(file: string, content: string): Layer | { dstack?: Layer } | null {
  const isPackage = path.basename(file) === 'package.json';
  // Whatever else is wrong with a package.json is not for us to say.
  if (isPackage && !content.includes('"dstack"')) return {};
  const lines = new LineCounter();
  const document = parseDocument(content, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: !isPackage,
  });
  const position = (offset: number | undefined) => {
    if (offset === undefined) return file;
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) throw badConfig(position(error.pos[0]), plainText(error.message));

  const above = isPackage ? ['dstack'] : [];
  const placeOf: PlaceOf = (keys, what) => position(offsetOf(document, [...above, ...keys], what));
  const raw: unknown = document.toJS();
  if (!isPackage) return raw === null ? null : layerOf(raw, placeOf, path.dirname(file));
  const own = isMap(document.contents) && document.contents.has('dstack');
  return own ? { dstack: layerOf((raw as { dstack: unknown }).dstack, placeOf, path.dirname(file)) } : {};
}

/** Where in the text a key or its value begins. */
function offsetOf(document: Document, keys: readonly string[], what: 'key' | 'value'): number | undefined {
  let node: unknown = document.contents;
  let found: Pair | undefined;
  for (const key of keys) {
    if (!isMap(node)) return undefined;
    found = node.items.find((pair) => String(pair.key) === key);
    node = found?.value;
  }
  const wanted = what === 'value' && isNode(node) ? node : found?.key;
  return isNode(wanted) ? wanted.range?.[0] : undefined;
}
