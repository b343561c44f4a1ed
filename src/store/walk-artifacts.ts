import { type BigIntStats, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { linkProblem, parentPaths, pathProblem, tidyPath } from './artifact-path.ts';
import { errno, fileError } from './file-errors.ts';

export type Found =
  /** `grows`: it is being appended to, and what it had when it was found is to be taken. */
  | { type: 'file'; path: string; size: number; stats: BigIntStats; grows?: true }
  | { type: 'link'; path: string; target: string }
  | { type: 'folder'; path: string };

/** What there is, which of the paths are not there, and what was left out, in words: `out/control is a named pipe`. */
export interface Walked {
  found: Found[];
  missing: string[];
  skipped: string[];
}

/** So many files and folders are looked at, synchronously, which takes a tenth of the time, before others have a turn. */
const atOnce = 256;

/**
 * Everything at and below `paths`, relative to the folder `root`, each once. Links are listed, not followed; pipes,
 * sockets and devices are left out. Throws a DstackError that names what cannot be an artifact: links out of the
 * workspace, unsafe paths, names that are not UTF-8.
 */
export async function walkArtifacts(root: string, paths: readonly string[]): Promise<Walked> {
  const found = new Map<string, Found>();
  const missing: string[] = [];
  const skipped = new Set<string>();
  let visited = 0;
  for (const given of paths) {
    const path = tidyPath(given);
    if (path !== '') checkPath(path);
    if (!isThere(root, path)) {
      missing.push(given);
      continue;
    }
    const pending = [path];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (found.has(next)) continue;
      for (const child of visit(root, next, found, skipped)) pending.push(child);
      visited += 1;
      if (visited % atOnce === 0) await setImmediate();
    }
  }
  return { found: [...found.values()], missing, skipped: [...skipped].sort() };
}

/** Records what is at `path`; returns the paths in it if it is a folder. */
function visit(root: string, path: string, found: Map<string, Found>, skipped: Set<string>): string[] {
  const absolute = join(root, path);
  try {
    const stats = lstatSync(absolute, { bigint: true });
    if (stats.isDirectory()) {
      const names = readdirSync(absolute, { encoding: 'buffer' });
      if (names.length === 0 && path !== '') found.set(path, { type: 'folder', path });
      return names.map((name) => childPath(path, name));
    }
    if (stats.isSymbolicLink()) {
      const target = decodeName(readlinkSync(absolute, { encoding: 'buffer' }), path);
      checkLink(path, target);
      found.set(path, { type: 'link', path, target });
    } else if (stats.isFile()) {
      found.set(path, { type: 'file', path, size: Number(stats.size), stats });
    } else {
      skipped.add(`${plainText(path)} is ${kindOf(stats)}`);
    }
    return [];
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') {
      throw new DstackError('file-changed', `${plainText(path)} disappeared while artifacts were collected`, {
        hint: 'something still changes it: let the job end all its processes before its commands end',
        cause: error,
      });
    }
    throw fileError(error, path);
  }
}

/** Whether an artifact is there. Throws if a folder on the way to it is a link. */
function isThere(root: string, path: string): boolean {
  for (const step of path === '' ? [''] : [...parentPaths(path), path]) {
    let stats: Stats;
    try {
      stats = lstatSync(join(root, step));
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return false;
      throw fileError(error, step);
    }
    if (step !== path && stats.isSymbolicLink()) {
      throw new DstackError(
        'artifact-behind-link',
        `the artifact ${plainText(path)} lies behind the link ${plainText(step)}`,
        { hint: 'links are not followed: list the path where the files really are' },
      );
    }
  }
  return true;
}

function childPath(folder: string, name: Buffer): string {
  const path = folder === '' ? decodeName(name, folder) : `${folder}/${decodeName(name, folder)}`;
  checkPath(path);
  return path;
}

function checkPath(path: string): void {
  const problem = pathProblem(path);
  if (problem === null) return;
  throw new DstackError('bad-artifact-path', `the artifact path '${plainText(path)}' ${problem}`, {
    hint: 'artifacts are files and folders inside the workspace, outside `.git`',
  });
}

function checkLink(path: string, target: string): void {
  const problem = linkProblem(path, target);
  if (problem === null) return;
  throw new DstackError(
    'bad-link',
    `the target '${plainText(target)}' of the link ${plainText(path)} ${problem}`,
    {
      hint: 'make it a relative link inside the workspace (`ln -sr`), or copy the file instead',
    },
  );
}

/** Strict UTF-8: any other name could not be written down in JSON and come back the same. */
function decodeName(name: Buffer, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch (error) {
    const shown = plainText(name.toString('latin1'));
    throw new DstackError('bad-name', `'${shown}' in '${plainText(where || '.')}' is not valid UTF-8`, {
      hint: 'rename it at the end of the commands, or list narrower paths under `artifacts`',
      cause: error,
    });
  }
}

function kindOf(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}
