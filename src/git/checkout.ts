import { mkdir, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
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
 * @throws DstackError `folder-not-empty`, `unsafe-tree` if a path would leave the folder, `git-failed`, `interrupted`
 */
export async function checkOut(
  repository: Pick<Repository, 'gitDir'>,
  { tree, into, paths, signal }: CheckOutOptions,
): Promise<void> {
  const folder = resolve(into);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new DstackError('folder-not-empty', `${into} is not empty`, {
      hint: 'name a new or an empty folder',
    });
  }
  await withPrivateIndex(null, async (indexFile) => {
    const run = async (args: readonly string[], input?: Uint8Array): Promise<GitResult> => {
      const where = { cwd: folder, gitDir: resolve(repository.gitDir), workTree: folder };
      const result = await runGit([...settings, ...args], { ...where, indexFile, input, signal });
      if (result.exitCode !== 0) throw refused(args, result);
      return result;
    };
    await run(['read-tree', '--end-of-options', tree]);
    if (paths === undefined) {
      await run(['checkout-index', '--all']);
      return;
    }
    const listed = splitRecords((await run(['ls-files', '-z'])).stdout);
    const wanted = listed.filter((path) => paths(decodePath(path)));
    await run(['checkout-index', '-z', '--stdin'], joinRecords(wanted));
  });
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
