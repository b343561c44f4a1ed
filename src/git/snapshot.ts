import { dirname, join } from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { headCommit } from './branches.ts';
import { type Change, compareIndex, emptyTree } from './compare-index.ts';
import { fileAt } from './file-at.ts';
import { leaveOutBeyondLinks, linksOut } from './links.ts';
import { lookAgain } from './look-again.ts';
import { plainEntries } from './plain-index.ts';
import { withPrivateIndex } from './private-index.ts';
import { joinRecords, type RawPath, showPath, splitRecords } from './raw-path.ts';
import type { Repository } from './repository.ts';
import { gitFailed, runGit } from './run-git.ts';
import { requireCleanSubmodules } from './submodules.ts';
import { unreadableFiles, unreadableIn } from './unreadable.ts';
import { inspectUntracked, type UntrackedOptions } from './untracked.ts';
import {
  listWorkTree,
  type RunInWorkTree,
  readIgnorePatterns,
  type WorkTreeListing,
} from './work-tree-listing.ts';

export interface SnapshotOptions extends UntrackedOptions {
  signal?: AbortSignal | undefined;
  /** Called while Git looks through the work tree: what takes this process no longer than that costs no time. */
  meanwhile?: () => void;
}

/** The work tree as it is, recorded in the repository. */
export interface Snapshot {
  /** Id of the tree. Nothing refers to it yet. */
  readonly tree: string;
  /** Id of the commit at HEAD; null if there is none yet. */
  readonly parent: string | null;
  readonly stats: {
    /** Tracked files that differ from HEAD, deleted ones included. */
    readonly changed: number;
    /** Files that were neither tracked nor ignored. */
    readonly untracked: number;
    /** Of both, as they are now. */
    readonly bytes: number;
  };
  /** One line each, fit for printing. */
  readonly warnings: readonly string[];
}

/** Of the same syntax and effect as .gitignore, for snapshots only. */
const IGNORE_FILE = '.dstackignore';

/**
 * Settings for everything done to the private index: it is a plain whole one, no hook hears of it, nothing but
 * the files themselves says whether they changed, and line ends that Git will convert are no reason to stop.
 */
const settings = [
  ...['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=', '-c', 'core.splitIndex=false'],
  ...['-c', 'core.ignoreStat=false', '-c', 'core.safecrlf=false', '-c', 'add.ignoreErrors=false'],
];

/**
 * Records the work tree, uncommitted changes and untracked files included, as a tree. Works on a copy of the index:
 * of the user's repository only the object store changes, and not even that when an error is thrown about
 * untracked files or submodules.
 * @throws DstackError `no-work-tree`, `dirty-submodule`, `unreadable-files`, `large-files`, `secret-files`,
 *   `disk-full`, `git-failed`, `interrupted`
 */
export async function takeSnapshot(
  repository: Pick<Repository, 'gitDir' | 'commonDir' | 'workTree' | 'objectFormat'>,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const { gitDir, workTree } = repository;
  if (workTree === null) {
    throw new DstackError('no-work-tree', `${gitDir} is a bare repository: there are no files to record`, {
      hint: 'run this in a clone of it',
    });
  }
  return withPrivateIndex(join(gitDir, 'index'), async (indexFile, index) => {
    const execute = (args: readonly string[], input?: Uint8Array) =>
      runGit([...settings, ...args], {
        ...{ cwd: workTree, gitDir, workTree, indexFile, input },
        signal: options.signal,
      });
    const run: RunInWorkTree = async (args, input) => {
      const result = await execute(args, input);
      const unreadable = unreadableIn(workTree, result.stderr);
      if (unreadable.length > 0) throw unreadableFiles(unreadable);
      // The index's disk need not be the objects' one.
      const full = result.stderr.includes(indexFile) ? dirname(dirname(indexFile)) : gitDir;
      if (result.exitCode !== 0) throw gitFailed(args, result, full);
      return result;
    };
    const patterns = await readIgnorePatterns(workTree, IGNORE_FILE);
    const looking = listWorkTree(run, workTree, patterns, plainEntries(index, repository.objectFormat));
    looking.catch(() => {});
    options.meanwhile?.();
    const [listing, parent] = await Promise.all([looking, headCommit(repository)]);
    const { untracked } = listing;
    const intended = await intendedToAdd(run, listing);
    inspectUntracked(workTree, [...untracked, ...intended], options);
    await requireCleanSubmodules(workTree, listing.submodules, options.signal);

    const hidden = await lookAgain(run, workTree, listing);
    const changed = new Set([...listing.modified, ...listing.unmerged, ...hidden, ...untracked]);
    const unrecordedLinks = await leaveOutBeyondLinks(run, workTree, changed);
    const warnings = changed.size > 0 ? await addToIndex(run, [...changed]) : [];
    const writeTree = async () => (await run(['write-tree'])).stdout.toString().trim();
    const [written, changes] = await Promise.all([
      writeTree(),
      compareIndex(run, parent ?? emptyTree[repository.objectFormat]),
    ]);
    const unasked = unaskedSubmodules(changes, listing);
    if (unasked.length > 0) {
      await run(['update-index', '--force-remove', '-z', '--stdin'], joinRecords(unasked));
    }
    const isUntracked = new Set(untracked);
    const differing = changes.flatMap(({ path }) => (isUntracked.has(path) ? [] : [path]));
    return {
      tree: unasked.length > 0 ? await writeTree() : written,
      parent,
      stats: {
        changed: differing.length,
        untracked: untracked.length,
        bytes: sizeOf(workTree, [...differing, ...untracked]),
      },
      warnings: [
        ...warn(listing, unasked),
        ...warnOfLinks(unrecordedLinks, linksOut(workTree, changed)),
        ...warnings,
      ],
    };
  });
}

/** Bytes of the files that are still there, all together. */
function sizeOf(workTree: string, paths: readonly RawPath[]): number {
  return paths.reduce((sum, path) => {
    const entry = fileAt(workTree, path);
    return entry?.isFile() ? sum + entry.size : sum;
  }, 0);
}

/** Records files as they are now. @returns warnings */
async function addToIndex(run: RunInWorkTree, paths: readonly RawPath[]): Promise<string[]> {
  // A file may have gone since it was listed (--remove), or stand where a hidden entry was (--replace).
  const args = ['update-index', '--add', '--remove', '--replace', '-z', '--stdin'];
  const added = await run(args, joinRecords(paths)).catch(async (error: unknown) => {
    // It has stopped at the first file that can't be read; this names all of them.
    if (error instanceof DstackError && error.code === 'unreadable-files')
      await run(['add', '--update', '--sparse', '--ignore-errors']);
    throw error;
  });
  return gitWarnings(added.stderr);
}

/** Files announced by `git add --intent-to-add`: tracked in name only, so their content is new to the repository. */
async function intendedToAdd(run: RunInWorkTree, listing: WorkTreeListing): Promise<RawPath[]> {
  if (listing.filled.length === 0) return [];
  const args = ['diff-files', '-z', '--name-only', '--diff-filter=A', '--ita-invisible-in-index'];
  return splitRecords((await run(args)).stdout);
}

/** Git takes a nested repository that stands in the place of a tracked file for a submodule. */
function unaskedSubmodules(changes: readonly Change[], listing: WorkTreeListing): RawPath[] {
  const asked = new Set(listing.submodules);
  return changes.flatMap(({ path, submodule }) => (submodule && !asked.has(path) ? [path] : []));
}

function warn(listing: WorkTreeListing, unaskedSubmodules: readonly RawPath[]): string[] {
  return [
    ...listing.unmerged.map(
      (path) => `${showPath(path)} has a merge conflict; recorded as it is in the work tree`,
    ),
    ...[...listing.nestedRepositories, ...unaskedSubmodules].map(
      (path) =>
        `${showPath(path)} is a repository of its own and is left out; ignore it, or add it as a submodule`,
    ),
    ...listing.submodules.map(
      (path) => `${showPath(path)} is a submodule: its commit is recorded, not its files`,
    ),
  ];
}

function warnOfLinks(unrecorded: readonly RawPath[], leadingOut: ReturnType<typeof linksOut>): string[] {
  return [
    ...unrecorded.map(
      (link) =>
        `${showPath(link)} is an ignored link in the place of a folder: neither it nor the files beyond it are recorded`,
    ),
    ...leadingOut.map(
      ({ link, target }) =>
        `${showPath(link)} is a link out of the project, to ${showPath(target)}: what is there is not recorded`,
    ),
  ];
}

function gitWarnings(stderr: string): string[] {
  return [...stderr.matchAll(/^warning: (.+)$/gm)].map((match) => plainText(match[1] as string));
}
