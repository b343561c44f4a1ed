import { type RawPath, splitRecords } from './raw-path.ts';
import type { Repository } from './repository.ts';
import { gitFailed, runGit } from './run-git.ts';

/** A file, link or submodule of a tree. */
export interface TreeFile {
  readonly path: RawPath;
  /** Mode, kind and object id, as `git ls-tree` prints them. */
  readonly entry: string;
}

/** All files below a tree (or a commit's tree), in Git's order. */
export async function listTree(
  repository: Pick<Repository, 'gitDir'>,
  tree: string,
): Promise<readonly TreeFile[]> {
  const args = ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', tree];
  const result = await runGit(args, { gitDir: repository.gitDir });
  if (result.exitCode !== 0) throw gitFailed(args, result);
  return splitRecords(result.stdout).map((record) => {
    const tab = record.indexOf('\t');
    return { path: record.slice(tab + 1), entry: record.slice(0, tab) };
  });
}

export interface ChangedFile {
  readonly path: RawPath;
  readonly change: 'added' | 'removed' | 'changed';
}

/** The files in which two trees (or commits) differ; what they share is not even read. */
export async function diffTrees(
  repository: Pick<Repository, 'gitDir'>,
  before: string,
  after: string,
): Promise<ChangedFile[]> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-status', '--end-of-options', before, after];
  const result = await runGit(args, { gitDir: repository.gitDir });
  if (result.exitCode !== 0) throw gitFailed(args, result);
  const records = splitRecords(result.stdout);
  const files: ChangedFile[] = [];
  for (let at = 0; at + 1 < records.length; at += 2) {
    const change = records[at] === 'A' ? 'added' : records[at] === 'D' ? 'removed' : 'changed';
    files.push({ path: records[at + 1] as RawPath, change });
  }
  return files;
}

/** The plain files in a folder of a tree (or of a commit's tree) and below it, with their sizes in bytes. */
export async function listFolder(
  repository: Pick<Repository, 'gitDir'>,
  tree: string,
  folder: string,
): Promise<{ path: RawPath; bytes: number }[]> {
  const args = ['ls-tree', '-r', '-l', '-z', '--full-tree', '--end-of-options', tree, `${folder}/`];
  const result = await runGit(args, { gitDir: repository.gitDir });
  if (result.exitCode !== 0) throw gitFailed(args, result);
  return splitRecords(result.stdout).flatMap((record) => {
    const match = /^100(?:644|755) blob [0-9a-f]+ +(\d+)\t/.exec(record);
    return match ? [{ path: record.slice(match[0].length), bytes: Number(match[1]) }] : [];
  });
}
