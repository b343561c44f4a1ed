import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { sep } from 'node:path';

/** So many files and folders, and bytes in all of them, a small tree has at most; and so many trees are kept. */
const most = { entries: 200, bytes: 1 << 20, trees: 8 };

/** One thing in a folder. Paths, and where links point, are bytes: not every name is text. */
type Entry =
  | { readonly kind: 'folder'; readonly path: Buffer }
  | { readonly kind: 'file'; readonly path: Buffer; readonly content: Buffer; readonly executable: boolean }
  | { readonly kind: 'link'; readonly path: Buffer; readonly target: Buffer };

/** Keeps in memory what Git has checked out of small trees, and writes it again without a process. */
export interface SmallTrees {
  /** @returns false: it isn't kept, or can't be written, and there is no such folder */
  write(tree: string, into: string): boolean;
  /** Takes note of what Git has just written, and nobody has touched, if it is small. */
  keep(tree: string, folder: string): void;
}

export function keepSmallTrees(): SmallTrees {
  /** The one that was used last at the end; null: too large. */
  const kept = new Map<string, readonly Entry[] | null>();
  return {
    write(tree, into) {
      const entries = kept.get(tree);
      if (!entries) return false;
      kept.delete(tree);
      kept.set(tree, entries);
      try {
        mkdirSync(into);
      } catch {
        return false;
      }
      try {
        for (const entry of entries) writeEntry(Buffer.from(into + sep), entry);
        return true;
      } catch {
        // Git says what is wrong, or where there is no room.
        rmSync(into, { recursive: true, force: true });
        return false;
      }
    },
    keep(tree, folder) {
      if (kept.has(tree)) return;
      kept.set(tree, readFolder(Buffer.from(folder + sep)));
      for (const old of [...kept.keys()].slice(0, -most.trees)) kept.delete(old);
    },
  };
}

function writeEntry(root: Buffer, entry: Entry): void {
  const path = Buffer.concat([root, entry.path]);
  if (entry.kind === 'folder') mkdirSync(path);
  else if (entry.kind === 'link') symlinkSync(entry.target, path);
  else writeFileSync(path, entry.content, { flag: 'wx', mode: entry.executable ? 0o777 : 0o666 });
}

/** All that is in a folder, each folder before what is in it; null if that is much, or can't be read. */
function readFolder(root: Buffer): Entry[] | null {
  const entries: Entry[] = [];
  let bytes = 0;
  const read = (folder: Buffer): boolean =>
    readdirSync(Buffer.concat([root, folder]), { encoding: 'buffer' }).every((name) => {
      const path = Buffer.concat([folder, name]);
      const file = Buffer.concat([root, path]);
      const stats = lstatSync(file);
      bytes += stats.size;
      if (entries.length === most.entries || bytes > most.bytes) return false;
      if (stats.isDirectory()) {
        entries.push({ kind: 'folder', path });
        return read(Buffer.concat([path, Buffer.from(sep)]));
      }
      if (stats.isSymbolicLink()) {
        entries.push({ kind: 'link', path, target: readlinkSync(file, { encoding: 'buffer' }) });
        return true;
      }
      const executable = (stats.mode & 0o100) !== 0;
      entries.push({ kind: 'file', path, content: readFileSync(file), executable });
      return stats.isFile();
    });
  try {
    return read(Buffer.alloc(0)) ? entries : null;
  } catch {
    return null;
  }
}
