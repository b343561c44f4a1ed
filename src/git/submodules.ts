import { readdirSync } from 'node:fs';
import pLimit from 'p-limit';
import { DstackError } from '../errors.ts';
import { fileAt } from './file-at.ts';
import { locate, type RawPath, showPaths } from './raw-path.ts';
import { gitFailed, runGit } from './run-git.ts';

/**
 * Makes sure that the commits which submodules are at say all that is in them.
 * @throws DstackError `dirty-submodule` naming those with changes or untracked files of their own
 */
export async function requireCleanSubmodules(
  workTree: string,
  paths: readonly RawPath[],
  signal?: AbortSignal,
): Promise<void> {
  const limit = pLimit(4);
  const remarks = await Promise.all(
    paths.map((path) => limit(async () => ({ path, remark: await dirt(workTree, path, signal) }))),
  );
  const dirty = remarks.flatMap(({ path, remark }) => (remark === null ? [] : [{ path, remark }]));
  if (dirty.length === 0) return;
  throw new DstackError('dirty-submodule', `a submodule has changes of its own:${showPaths(dirty)}`, {
    hint: 'a snapshot records only the commit a submodule is at: commit, discard or ignore the changes inside it',
  });
}

async function dirt(workTree: string, path: RawPath, signal?: AbortSignal): Promise<string | null> {
  if (!fileAt(workTree, path)?.isDirectory()) return null;
  const folder = locate(workTree, path);
  const names = readdirSync(folder);
  if (names.length === 0) return null;
  if (!names.includes('.git')) return 'files, but it is not checked out';
  const args = ['status', '--porcelain', '-z', '--ignore-submodules=none', '--untracked-files=normal'];
  const result = await runGit(['-c', 'core.fsmonitor=', ...args], { cwd: folder.toString(), signal });
  if (result.exitCode !== 0) throw gitFailed(args, result);
  const states = result.stdout.toString('latin1').split('\0').slice(0, -1);
  if (states.length === 0) return null;
  return states.every((state) => state.startsWith('??')) ? 'untracked files' : 'modified content';
}
