import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { diskFull, lacksRoom, saysDiskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { makeNamedFolder } from './new-folder.ts';
import { withPrivateIndex } from './private-index.ts';
import { decodePath, joinRecords, splitRecords } from './raw-path.ts';
import type { Repository } from './repository.ts';
import { type GitResult, gitFailed, runGit } from './run-git.ts';

export interface CheckOutOptions {
  /** Id of a tree, or of a commit. */
  tree: string;
  /** A folder that is empty or does not exist yet. */
  into: string;
  /** Which files to write, by their path from the top of the tree; all if not given. */
  paths?: ((path: string) => boolean) | undefined;
  /** Of a tree that is written again and again: what {@link readIndex} has made of it. */
  indexFile?: string | undefined;
  /** Variables for Git, such as where else objects lie. */
  env?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Settings that make a tree give the same files whatever the repository's owner prefers, and Git refuse every name
 * that is, on some file system, another one for `.git`.
 */
const settings = [
  ...['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=', '-c', 'core.splitIndex=false'],
  ...['-c', 'core.sparseCheckout=false', '-c', 'submodule.recurse=false'],
  ...['-c', 'core.autocrlf=false', '-c', 'core.eol=lf', '-c', 'core.symlinks=true'],
  ...['-c', 'core.protectHFS=true', '-c', 'core.protectNTFS=true'],
];

/**
 * Writes the files of a tree into a folder, which becomes no repository. Submodules become empty folders.
 * @throws DstackError `no-folder`, `folder-not-empty`, `disk-full`, `unsafe-tree` if a path would leave the folder,
 *   `git-failed`, `interrupted`
 */
export async function checkOut(
  repository: Pick<Repository, 'gitDir'>,
  { tree, into, paths, indexFile: kept, env, signal }: CheckOutOptions,
): Promise<void> {
  const folder = resolve(into);
  await makeNamedFolder(folder);
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTDIR') throw error;
    throw new DstackError('no-folder', `${plainText(into)} is no folder`, {
      hint: 'name a new or an empty folder',
    });
  });
  if (there.length > 0) {
    throw new DstackError('folder-not-empty', `${into} is not empty`, {
      hint: 'name a new or an empty folder',
    });
  }
  const write = async (indexFile: string) => {
    const run = async (args: readonly string[], input?: Uint8Array): Promise<GitResult> => {
      const where = { cwd: folder, gitDir: resolve(repository.gitDir), workTree: folder };
      const result = await runGit([...settings, ...args], { ...where, indexFile, env, input, signal });
      if (result.exitCode === 0) return result;
      throw (await isFull(result)) ? diskFull(folder) : refused(args, result);
    };
    /** Of a file that it couldn't write Git says no more. */
    const isFull = async ({ stderr }: GitResult): Promise<boolean> =>
      saysDiskFull(stderr) ||
      (/unable to write file|cannot create/.test(stderr) &&
        (await lacksRoom(folder, await sizeOf(repository.gitDir, tree))));
    if (kept === undefined) await run(['read-tree', '--end-of-options', tree]);
    if (paths === undefined) {
      await run(['checkout-index', '--all']);
      return;
    }
    const listed = splitRecords((await run(['ls-files', '-z'])).stdout);
    const wanted = listed.filter((path) => paths(decodePath(path)));
    await run(['checkout-index', '-z', '--stdin'], joinRecords(wanted));
  };
  await (kept === undefined ? withPrivateIndex(null, write) : write(kept));
}

/**
 * Makes an index file of a tree, from which that can be checked out many times, also at the same time: it is only read.
 * @throws DstackError `disk-full`, `unsafe-tree`, `git-failed`
 */
export async function readIndex(
  { gitDir }: Pick<Repository, 'gitDir'>,
  tree: string,
  indexFile: string,
  env?: Record<string, string>,
): Promise<void> {
  const args = ['read-tree', '--end-of-options', tree];
  const result = await runGit([...settings, ...args], { gitDir, indexFile, env });
  if (result.exitCode === 0) return;
  throw saysDiskFull(result.stderr) ? diskFull(indexFile) : refused(args, result);
}

/** Bytes of all the files in a tree. */
async function sizeOf(gitDir: string, tree: string): Promise<number> {
  const listing = await runGit(['ls-tree', '-r', '-z', '--format=%(objectsize)', tree], { gitDir });
  return listing.stdout
    .toString('latin1')
    .split('\0')
    .reduce((total, size) => total + (Number(size) || 0), 0);
}

function refused(args: readonly string[], result: GitResult): DstackError {
  const path = /invalid path '(.*)'/s.exec(result.stderr)?.[1];
  if (path === undefined) return gitFailed(args, result);
  return new DstackError(
    'unsafe-tree',
    `the tree holds a path that Git refuses to write: ${plainText(path)}`,
    {
      hint: 'it was made by hand to write outside of its folder: do not trust where it came from',
    },
  );
}
