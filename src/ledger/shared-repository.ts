import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DstackError } from '../errors.ts';
import type { GitObject } from '../git/object-reader.ts';
import type { PushOutcome, RefUpdate } from '../git/push.ts';
import type { Repository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import type { TransferFailure } from '../git/transfer-failure.ts';
import { type CommitInput, writeCommits } from '../git/write-commits.ts';

/**
 * The shared repository as the protocol sees it: a listing, objects, and guarded updates.
 * Nothing else of a Git host is ever needed.
 */
export interface SharedRepository {
  /** Where it is, for people. */
  readonly location: string;
  /** For `git fetch` and `git push`. */
  readonly remote: string;
  /** Own objects are written here, and pushed from here. */
  readonly local: Repository;
  /** Its folder, if it is on this machine. */
  readonly path: string | null;
  /**
   * The refs at or below any of the prefixes, and afterwards their objects can be read.
   * A listing is no snapshot: with pushes going on, a ref that moves can be in neither of two places.
   * @param options.limit milliseconds after which there is no more use in it
   * @param options.archived false: nothing that is asked for by name can be in the archive; `as-listed`: it can't come
   *   there now, for something of it is in the queue
   * @throws DstackError `unreachable`, `busy` and the like
   */
  list(
    prefixes: readonly string[],
    options?: { limit?: number; archived?: boolean | 'as-listed' },
  ): Promise<ReadonlyMap<string, string>>;
  /**
   * Which of these refs are there, and what they point at; their objects stay where they are.
   * @throws DstackError `unreachable` and the like
   */
  tips(refs: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** `<id>` or `<id>:<path>`; null if it isn't there. */
  read(name: string): Promise<GitObject | null>;
  /**
   * Writes commits where they can be pushed from; see {@link writeCommits}. That is the local repository, or, where it is
   * on this machine, the shared one itself.
   * @param options.pushed they will be pushed together with what only the local repository has: that is where they are
   *   written in any case
   * @returns their ids
   */
  write(commits: readonly CommitInput[], options?: { pushed?: boolean }): Promise<string[]>;
  /** Something will be pushed soon: begins now what that needs. */
  expectPush?(): void;
  /**
   * Brings objects that were seen there into the local repository.
   * @param options.toBuildOn only so that own commits can build on them and they can be pushed: where those are written
   *   straight into the shared repository, they stay where they are
   */
  obtain(ids: readonly string[], options?: { toBuildOn?: boolean }): Promise<void>;
  /** @param options.limit milliseconds without a sign of progress after which there is no more use in it */
  push(updates: readonly RefUpdate[], options?: { atomic?: boolean; limit?: number }): Promise<PushOutcome>;
  /**
   * All or nothing; and of one that is killed in the middle nothing is deleted unless all that is not deleted is as it
   * should be. Null: that can't be promised here, and nothing was done.
   */
  pushWhole?(updates: readonly RefUpdate[]): Promise<PushOutcome | null>;
  close(): void;
}

/**
 * Finds out what a configured remote means: a Git remote's name, a URL, or a path (relative to `folder`).
 * @returns its address, and its folder if it is on this machine
 */
export async function resolveRemote(
  remote: string,
  folder: string,
): Promise<{ address: string; path: string | null; named: boolean }> {
  // A remote's name, being part of a ref's, neither begins with a slash nor has a colon.
  const canBeName = !isAbsolute(remote) && !remote.includes('://');
  const byName = canBeName ? await runGit(['remote', 'get-url', '--', remote], { cwd: folder }) : null;
  const named = byName?.exitCode === 0;
  const address = named ? byName.stdout.toString('utf8').split('\n')[0]?.trim() || remote : remote;
  if (address.startsWith('file://')) {
    try {
      return { address, path: fileURLToPath(address), named };
    } catch {
      throw new DstackError('bad-remote', `${address} is not the URL of a file on this machine`, {
        hint: 'write file:///absolute/path',
      });
    }
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(address)) return { address, path: null, named };
  const path = isAbsolute(address) ? address : resolve(folder, address);
  // What has a colon before any slash is `host:path`, unless there is such a file.
  if (/^[^/]+:/.test(address) && !existsSync(path)) return { address, path: null, named };
  return { address: path, path, named };
}

/** An address for people: whoever reads a terminal or a log must not learn the password or token in a URL. */
export function withoutPassword(address: string): string {
  return address
    .replace(/^(https?:\/\/)[^/?#]*@/i, '$1***@')
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#:@]*):[^/?#]*@/i, '$1:***@');
}

/** Of the refs that were found, those that were asked for. */
export function exactly(refs: readonly string[], found: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...found].filter(([ref]) => refs.includes(ref)));
}

/** The error for a shared repository that doesn't answer, in its own words; or for what keeps us from listening. */
export function unreachable(location: string, failure: TransferFailure): DstackError {
  if (failure.code === 'disk-full')
    return new DstackError(failure.code, failure.words, { hint: failure.hint });
  return new DstackError(failure.code, `the shared repository ${location} can't be used: ${failure.words}`, {
    hint: failure.hint,
  });
}
