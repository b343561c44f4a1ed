import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { fileAt } from './file-at.ts';
import { type RawPath, splitRecords } from './raw-path.ts';
import { unreadableFiles } from './unreadable.ts';

/** What stands out in a work tree; ordinary tracked files are left to Git. */
export interface WorkTreeListing {
  /** Files and links that are neither tracked nor ignored. */
  readonly untracked: readonly RawPath[];
  /** Tracked files that are not as in the index, deleted ones included. */
  readonly modified: readonly RawPath[];
  /** Untracked folders that are repositories of their own. */
  readonly nestedRepositories: readonly RawPath[];
  readonly submodules: readonly RawPath[];
  /** Conflicts of a merge that are not resolved yet. */
  readonly unmerged: readonly RawPath[];
  /** Entries that Git was told to take for unchanged without looking. */
  readonly assumedUnchanged: readonly RawPath[];
  readonly skipWorktree: readonly RawPath[];
  /** Files with content whose entry has none, as `git add --intent-to-add` leaves them. */
  readonly filled: readonly RawPath[];
}

/** Runs Git in the work tree with the private index. */
export type RunInWorkTree = (
  args: readonly string[],
  input?: Uint8Array,
) => Promise<{ stdout: Buffer; stderr: string }>;

/**
 * From so many entries on two Gits are quicker than one: of them `diff-files` looks at files from several threads, which
 * `ls-files` doesn't. Below, starting another one takes longer than that saves.
 */
const manyEntries = 30_000;

/**
 * Lists the work tree. `ignored` are more patterns in gitignore syntax; they have the last word.
 * @param entries of the index, if it is a plain one: then there is nothing to find out but what has changed
 */
export async function listWorkTree(
  run: RunInWorkTree,
  workTree: string,
  ignored: readonly string[],
  entries: number | null,
): Promise<WorkTreeListing> {
  const patterns = ignored.map((pattern) => `--exclude=${pattern}`);
  const list = async (...what: string[]) => {
    const { stdout } = await run(['ls-files', '-z', '-v', ...what, '--exclude-standard', ...patterns]);
    const isFilled = (path: RawPath) => (fileAt(workTree, path)?.size ?? 0) > 0;
    return parseListing(standingOut(stdout), entries !== null, isFilled);
  };
  if (entries === null) return list('--modified', '--others', '--stage');
  if (entries < manyEntries) return list('--modified', '--others');
  // It also names files of which only the times have changed: recording them anew changes nothing.
  const differing = run(['diff-files', '-z', '--name-only', '--no-renames']);
  const [listing, { stdout }] = await Promise.all([list('--others'), differing]).catch(
    async (error: unknown) => {
      // One of them has stopped; this names all that can't be read.
      if (error instanceof DstackError && error.code === 'unreadable-files')
        await list('--modified', '--others');
      throw error;
    },
  );
  return { ...listing, modified: splitRecords(stdout) };
}

// `? path`, or `H 100644 <id> <stage>\tpath`; `S` is skip-worktree, a small letter is assume-unchanged. After its own
// record, a file that has changed has a second one, with a `C`; of a plain index only these are listed, as `C path`.
const EMPTY_BLOBS = new Set([
  'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
  '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
]);
/** The first two characters of these. */
const EMPTY_BEGINS = new Set([...EMPTY_BLOBS].map((id) => Buffer.from(id).readUInt16BE(0)));
/** Where an id is in a record. */
const ID_AT = 'H 100644 '.length;
const [H, ZERO, SIX, BLANK] = Buffer.from('H06 ') as unknown as [number, number, number, number];

/**
 * The records but those of ordinary files, which are nearly all: a file or a link without a conflict, with content and
 * nothing special about it. Of a hundred thousand of these no strings are made.
 */
function standingOut(listing: Buffer): string[] {
  const records: string[] = [];
  for (let at = 0; at < listing.length; ) {
    const isEntry = listing[at] === H;
    // Ids are of one of two lengths, and a blank, the stage and a tab come behind them.
    const stageAt = at + ID_AT + (listing[at + ID_AT + 40] === BLANK ? 41 : 65);
    const end = listing.indexOf(0, isEntry ? stageAt : at);
    const next = end < 0 ? listing.length : end + 1;
    const ordinary =
      isEntry &&
      listing[stageAt] === ZERO &&
      listing[at + 3] !== SIX &&
      !EMPTY_BEGINS.has(listing.readUInt16BE(at + ID_AT));
    if (!ordinary) records.push(listing.toString('latin1', at, end < 0 ? undefined : end));
    at = next;
  }
  return records;
}

/** @param isFilled whether the work tree has a file with content at a path that is empty in the index */
function parseListing(
  records: readonly string[],
  isPlain: boolean,
  isFilled: (path: RawPath) => boolean,
): WorkTreeListing {
  const untracked: RawPath[] = [];
  const modified: RawPath[] = [];
  const nestedRepositories: RawPath[] = [];
  const submodules = new Set<RawPath>();
  const unmerged = new Set<RawPath>();
  const assumedUnchanged: RawPath[] = [];
  const skipWorktree: RawPath[] = [];
  const filled: RawPath[] = [];
  for (const record of records) {
    const tag = record.charAt(0);
    if (tag === '?') {
      const path = record.slice(2);
      if (path.endsWith('/')) nestedRepositories.push(path.slice(0, -1));
      else untracked.push(path);
      continue;
    }
    const tab = isPlain ? 1 : record.indexOf('\t');
    const path = record.slice(tab + 1);
    if (tag === 'C') {
      modified.push(path);
      continue;
    }
    const skipped = tag === 'S' || tag === 's';
    if (record.charAt(tab - 1) !== '0') unmerged.add(path);
    if (skipped) skipWorktree.push(path);
    if (tag >= 'a') assumedUnchanged.push(path);
    if (record.startsWith('160000', 2)) submodules.add(path);
    else if (!skipped && EMPTY_BLOBS.has(record.slice(9, tab - 2)) && isFilled(path)) filled.push(path);
  }
  return {
    untracked,
    modified,
    nestedRepositories,
    submodules: [...submodules],
    unmerged: [...unmerged],
    assumedUnchanged,
    skipWorktree,
    filled,
  };
}

/**
 * The patterns of a file in gitignore syntax; none if it does not exist. They are given to Git as arguments, because
 * a whole file (`--exclude-from`) would be overruled by any `!pattern` of a .gitignore.
 */
export async function readIgnorePatterns(workTree: string, name: string): Promise<string[]> {
  const text = await readFile(join(workTree, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    if (error.code === 'EACCES') throw unreadableFiles([name]);
    throw error;
  });
  return text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line) => line.replace(/(?<=^(?:[^\\]|\\.)*) +$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
}
