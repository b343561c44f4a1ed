import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callRemote } from './call-remote.ts';
import { failureOfFetch } from './fetch.ts';
import { openRefFiles } from './ref-files.ts';
import { listRefs } from './refs.ts';
import type { Repository } from './repository.ts';
import { runGit } from './run-git.ts';
import type { TransferFailure } from './transfer-failure.ts';

const areas = ['refs/heads', 'refs/tags'] as const;

/** Lists, again and again, the branches and tags of a repository on this machine, with what they point at. */
export function openBranches(commonDir: string): () => Promise<Map<string, string>> {
  const files = openRefFiles({ commonDir });
  return async () => files.list(areas) ?? listRefs(commonDir, areas);
}

/** The same of any remote. Its other refs are not even listed, and nothing is transferred. */
export async function listRemoteBranches(
  repository: Repository,
  remote: string,
): Promise<{ refs: Map<string, string> } | { failure: TransferFailure }> {
  const refs = new Map<string, string>();
  const failure = await callRemote(
    remote,
    ['-c', 'protocol.version=2', 'ls-remote', '--heads', '--tags', '--refs', '--quiet', '--', remote],
    { gitDir: repository.gitDir },
    (result) => {
      for (const line of result.stdout.toString('utf8').split('\n')) {
        const [id = '', ref] = line.split('\t');
        if (ref && areas.some((area) => ref.startsWith(`${area}/`))) refs.set(ref, id);
      }
      return failureOfFetch(repository, result);
    },
  );
  return failure ? { failure } : { refs };
}

/** The commit at HEAD of a repository on this machine; null if there is none yet. */
export async function headCommit(
  repository: Pick<Repository, 'gitDir' | 'commonDir'>,
): Promise<string | null> {
  // A branch as it mostly is takes a file or two, Git a process.
  const head = await readFile(join(repository.gitDir, 'HEAD'), 'utf8').catch(() => '');
  const branch = /^ref: (refs\/heads\/\S+)\n$/.exec(head)?.[1];
  const found = branch === undefined ? undefined : openRefFiles(repository).tips([branch])?.get(branch);
  if (found !== undefined) return found;
  const result = await runGit(['rev-parse', '--verify', '--quiet', 'HEAD'], { gitDir: repository.gitDir });
  return result.stdout.toString('utf8').trim() || null;
}

/** The branch that HEAD stands for in a repository on this machine, whether it is there or not; null: none. */
export async function headBranch(gitDir: string): Promise<string | null> {
  const result = await runGit(['symbolic-ref', '--quiet', 'HEAD'], { gitDir });
  return result.exitCode === 0 ? result.stdout.toString('utf8').trim() : null;
}

/** The same of any remote; null also where that doesn't say. */
export async function remoteHeadBranch(
  repository: Repository,
  remote: string,
): Promise<{ ref: string | null } | { failure: TransferFailure }> {
  let ref: string | null = null;
  const failure = await callRemote(
    remote,
    ['-c', 'protocol.version=2', 'ls-remote', '--symref', '--quiet', '--', remote, 'HEAD'],
    { gitDir: repository.gitDir },
    (result) => {
      ref = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(result.stdout.toString('utf8'))?.[1] ?? null;
      return failureOfFetch(repository, result);
    },
  );
  return failure ? { failure } : { ref };
}

/** The commit that an object of this repository is, or stands for if it is a tag; null: it is neither. */
export async function peelToCommit(gitDir: string, id: string): Promise<string | null> {
  const result = await runGit(['rev-parse', '--verify', '--quiet', '--end-of-options', `${id}^{commit}`], {
    gitDir,
  });
  return result.exitCode === 0 ? result.stdout.toString('utf8').trim() : null;
}
