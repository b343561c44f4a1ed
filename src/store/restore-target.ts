import type { Stats } from 'node:fs';
import { lstat, mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { parentPaths } from './artifact-path.ts';
import { errno, fileError } from './file-errors.ts';
import { copyAndHash, openRegularFile } from './hash-file.ts';
import type { FileEntry, ManifestEntry } from './manifest.ts';

/** What is at an entry's place: nothing, the very same, the same but for the executable bit, something to replace. */
export type TargetState = 'absent' | 'same' | 'other-mode' | 'differs';

/** Folders below `root`, each looked at or made once. Only for as long as nobody else changes `root`. */
export interface Folders {
  /** Whether the folder of `path` exists. Throws `path-conflict` if a link or a file is on the way. */
  hasParent(path: string): Promise<boolean>;
  /** Makes the folder at `path`, and those above it. */
  make(path: string): Promise<void>;
}

export function foldersIn(root: string): Folders {
  const seen = new Map<string, Promise<boolean>>();
  const made = new Map<string, Promise<void>>();

  function check(folder: string): Promise<boolean> {
    const known = seen.get(folder) ?? isFolder(root, folder);
    seen.set(folder, known);
    return known;
  }

  async function makeOne(folder: string): Promise<void> {
    try {
      await mkdir(join(root, folder));
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw fileError(error, join(root, folder));
      await isFolder(root, folder);
    }
  }

  return {
    async hasParent(path) {
      for (const folder of parentPaths(path)) if (!(await check(folder))) return false;
      return true;
    },
    async make(path) {
      for (const folder of [...parentPaths(path), path]) {
        const making = made.get(folder) ?? makeOne(folder);
        made.set(folder, making);
        await making;
      }
    },
  };
}

/** Looks at an entry's place. Throws `path-conflict` for what must not be replaced: a folder, a special file. */
export async function inspectTarget(
  root: string,
  entry: ManifestEntry,
  folders: Folders,
): Promise<TargetState> {
  if (!(await folders.hasParent(entry.path))) return 'absent';
  const stats = await look(join(root, entry.path));
  if (stats === null) return 'absent';
  if (entry.type === 'folder') {
    if (stats.isDirectory()) return 'same';
    throw conflict(root, entry.path, stats, 'a folder');
  }
  if (!stats.isFile() && !stats.isSymbolicLink()) {
    throw conflict(root, entry.path, stats, entry.type === 'file' ? 'a file' : 'a link');
  }
  if (entry.type === 'link') {
    if (!stats.isSymbolicLink()) return 'differs';
    return (await readlink(join(root, entry.path))) === entry.target ? 'same' : 'differs';
  }
  if (!stats.isFile() || stats.size !== entry.size || !(await hasContent(root, entry))) return 'differs';
  return ((stats.mode & 0o100) !== 0) === entry.executable ? 'same' : 'other-mode';
}

async function hasContent(root: string, entry: FileEntry): Promise<boolean> {
  const path = join(root, entry.path);
  try {
    const file = await openRegularFile(path);
    try {
      return (await copyAndHash(file, null, entry.size)).sha256 === entry.sha256;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Throws unless it is a real folder or nothing. */
async function isFolder(root: string, folder: string): Promise<boolean> {
  const stats = await look(join(root, folder));
  if (stats !== null && !stats.isDirectory()) throw conflict(root, folder, stats, 'a folder');
  return stats !== null;
}

async function look(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw fileError(error, path);
  }
}

function conflict(root: string, path: string, stats: Stats, wanted: string): DstackError {
  const kind = stats.isDirectory()
    ? 'a folder'
    : stats.isSymbolicLink()
      ? 'a link'
      : stats.isFile()
        ? 'a file'
        : 'a special file';
  return new DstackError(
    'path-conflict',
    `${plainText(join(root, path))} is ${kind}, the artifacts have ${wanted} there`,
    {
      hint: 'move it away, or choose another folder',
    },
  );
}
