import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isSorted, packedRefs } from './packed-refs.ts';
import type { Repository } from './repository.ts';

/** Where there are more, or more has to be read than this (bytes), Git itself is as fast. */
const mostFiles = 100;
const longestPacked = 4 << 20;

/** Reads refs from a repository's files, without a process, where that shows just what Git would show. */
export interface RefFiles {
  /**
   * Every ref that equals, or lies below, one of `prefixes`, in the order of their names.
   * @returns null: ask Git, for there are many, or there is something that only Git can judge
   */
  list(prefixes: readonly string[]): Map<string, string> | null;
  /** Those of these refs that there are, and none below them; null as for `list`. */
  tips(refs: readonly string[]): Map<string, string> | null;
}

/** Thrown where Git has to be asked. */
class NotForUs extends Error {}

export function openRefFiles({ commonDir }: Pick<Repository, 'commonDir'>): RefFiles {
  let packed: { readonly of: string; readonly content: Buffer } | null = null;

  /** `packed-refs`; Git, too, takes it for unchanged as long as these are the same. */
  const readPacked = (): Buffer => {
    const file = join(commonDir, 'packed-refs');
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (!stats) return Buffer.alloc(0);
    if (stats.size > longestPacked) throw new NotForUs();
    const of = `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
    // A file that is replaced while it is read is taken for the older one, and read again the next time.
    if (packed?.of !== of) packed = { of, content: readFileSync(file) };
    if (!isSorted(packed.content)) throw new NotForUs();
    return packed.content;
  };

  const read = (names: readonly string[], below: boolean): Map<string, string> | null => {
    try {
      if (!isPlain(commonDir)) return null;
      // In Git's order: who deletes refs one after the other can rely on what is read first.
      const wanted = names.map((name) => name.replace(/\/$/, '')).sort();
      if (!wanted.every(isShared)) return null;
      // Loose ones first: a ref that is packed meanwhile is in one of the two places.
      const loose = new Map<string, string>();
      for (const name of wanted) readLoose(commonDir, name, below, loose);
      const found = new Map<string, string>();
      const content = readPacked();
      for (const name of wanted) addPacked(content, name, below, found);
      for (const [ref, id] of loose) found.set(ref, id);
      return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
    } catch {
      return null;
    }
  };

  return { list: (prefixes) => read(prefixes, true), tips: (refs) => read(refs, false) };
}

/** Is it what Git takes for a repository, with refs in files? An empty mount point is not. */
function isPlain(folder: string): boolean {
  const has = (name: string) => existsSync(join(folder, name));
  return has('HEAD') && has('objects') && has('refs') && !has('reftable');
}

/** Not what each worktree has for itself. */
function isShared(prefix: string): boolean {
  return /^refs\/(?!bisect|worktree|rewritten)[\w-]+/.test(prefix) && isSoundName(prefix);
}

function isSoundName(name: string): boolean {
  return !/[\x00-\x20\x7f~^:?*[\\\ufffd]|\.\.|@\{|\/\/|\/\.|\.$|\.lock\//.test(name);
}

function readLoose(folder: string, ref: string, below: boolean, found: Map<string, string>): void {
  const file = join(folder, ref);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) return;
  if (!stats.isDirectory()) {
    readOne(file, ref, found);
    return;
  }
  if (!below) return;
  for (const entry of readdirSync(file, { withFileTypes: true })) {
    // As in Git: a lock is no ref.
    if (entry.name.startsWith('.') || entry.name.endsWith('.lock')) continue;
    const name = `${ref}/${entry.name}`;
    if (!isSoundName(name)) throw new NotForUs();
    if (entry.isDirectory()) readLoose(folder, name, below, found);
    else if (entry.isFile()) readOne(join(file, entry.name), name, found);
    else throw new NotForUs();
    if (found.size > mostFiles) throw new NotForUs();
  }
}

function readOne(file: string, ref: string, found: Map<string, string>): void {
  let content: string;
  try {
    content = readFileSync(file, 'latin1');
  } catch (error) {
    // Deleted or packed a moment ago.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const id = /^([0-9a-f]{40}|[0-9a-f]{64})\n?$/.exec(content)?.[1];
  // Symbolic, or what a power cut has emptied.
  if (id === undefined || /^0+$/.test(id)) throw new NotForUs();
  found.set(ref, id);
}

function addPacked(content: Buffer, name: string, below: boolean, found: Map<string, string>): void {
  for (const [ref, id] of packedRefs(content, name, below)) {
    if (!isSoundName(ref)) throw new NotForUs();
    found.set(ref, id);
    if (found.size > 100 * mostFiles) throw new NotForUs();
  }
}
