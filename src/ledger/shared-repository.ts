import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pRetry from 'p-retry';
import { DstackError } from '../errors.ts';
import { fetchRefs, listRemoteRefs } from '../git/fetch.ts';
import { type GitObject, openObjectReader } from '../git/object-reader.ts';
import { type PushOutcome, push, type RefUpdate } from '../git/push.ts';
import { forgetRefs, listRefs } from '../git/refs.ts';
import { openRepository, type Repository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import type { TransferFailure } from '../git/transfer-failure.ts';
import { type CommitInput, writeCommits } from '../git/write-commits.ts';
import { inOrder } from './in-order.ts';
import { mirrors } from './refs.ts';

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
   * @throws DstackError `unreachable`, `busy` and the like
   */
  list(prefixes: readonly string[], options?: { limit?: number }): Promise<ReadonlyMap<string, string>>;
  /**
   * Which of these refs are there, and what they point at; their objects stay where they are.
   * @throws DstackError `unreachable` and the like
   */
  tips(refs: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** `<id>` or `<id>:<path>`; null if it isn't there. */
  read(name: string): Promise<GitObject | null>;
  /** Writes commits into the local repository; see {@link writeCommits}. @returns their ids */
  write(commits: readonly CommitInput[]): Promise<string[]>;
  /** Brings objects that were seen there into the local repository, so that own commits can build on them. */
  obtain(ids: readonly string[]): Promise<void>;
  /** @param options.limit milliseconds without a sign of progress after which there is no more use in it */
  push(updates: readonly RefUpdate[], options?: { atomic?: boolean; limit?: number }): Promise<PushOutcome>;
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
  const byName = await runGit(['remote', 'get-url', '--', remote], { cwd: folder });
  const named = byName.exitCode === 0;
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

/** Opens the shared repository at a remote, from `local`, a repository of one's own. */
export async function openSharedRepository(
  local: Repository,
  remote: string,
  folder: string = local.workTree ?? local.gitDir,
): Promise<SharedRepository> {
  const { address, path, named } = await resolveRemote(remote, folder);
  if (address.startsWith('-'))
    throw new DstackError('bad-remote', `${address} can't be the address of a repository`);
  return path === null
    ? openByFetching(local, named ? remote : address, address)
    : openOnThisMachine(local, path);
}

/** A folder on this machine: read directly, so that a look costs one process and transfers nothing. */
async function openOnThisMachine(local: Repository, path: string): Promise<SharedRepository> {
  const shared = await openRepository(path);
  if (shared.objectFormat !== local.objectFormat)
    throw differentFormat(path, shared.objectFormat, local.objectFormat);
  const reader = openObjectReader(shared.gitDir);
  const ownReader = openObjectReader(local.gitDir);
  return {
    location: path,
    remote: path,
    local,
    path: shared.commonDir,
    async list(prefixes) {
      if (!existsSync(shared.gitDir))
        throw unreachable(path, { code: 'unreachable', words: 'it is gone', hint: undefined });
      return listRefs(shared.gitDir, prefixes);
    },
    tips: async (refs) => exactly(refs, await listRefs(shared.gitDir, refs)),
    async read(name) {
      return (await reader.read(name)) ?? (await ownReader.read(name));
    },
    async obtain(ids) {
      const known = await Promise.all(ids.map((id) => ownReader.read(id)));
      const missing = ids.filter((_, index) => !known[index]);
      if (missing.length === 0) return;
      const failure = await fetchRefs(local, path, missing);
      if (failure) throw unreachable(path, failure);
    },
    write: (commits) => writeCommits(local, commits),
    push: (updates, options) => push(local, path, updates, { ...options, atomic: options?.atomic ?? false }),
    close() {
      reader.close();
      ownReader.close();
    },
  };
}

/** Anything that has to be fetched from: its refs are mirrored in the local repository under a prefix of their own. */
function openByFetching(local: Repository, remote: string, address: string): SharedRepository {
  const location = withoutPassword(address);
  const mirror = `${mirrors}/${createHash('sha256').update(address).digest('hex').slice(0, 12)}`;
  const reader = openObjectReader(local.gitDir);
  // Two fetches into the same refs would get in each other's way.
  const oneAtATime = inOrder();

  const fetchPrefixes = async (prefixes: readonly string[], limit?: number) => {
    // Without a refspec Git would fetch, and prune, whatever the user has configured for this remote.
    if (prefixes.length === 0) return new Map<string, string>();
    const refspecs = prefixes.map((prefix) => {
      const below = prefix.replace(/\/$/, '');
      // Without a slash before it, the star matches the ref of that very name as well as those below it.
      return `+${below}*:${join(mirror, below)}*`;
    });
    const fetchOnce = async () => {
      let failure = await fetchRefs(local, remote, refspecs, { prune: true, limit });
      if (
        failure?.words.includes(mirror) &&
        /bad object|missing object|reference broken/.test(failure.words)
      ) {
        // Refs of the mirror that a power cut has emptied, perhaps, would be in the way for ever.
        await forgetRefs(local, mirror);
        failure = await fetchRefs(local, remote, refspecs, { prune: true, limit });
      }
      if (failure) throw unreachable(location, failure);
    };
    await pRetry(fetchOnce, {
      retries: 3,
      minTimeout: 50,
      randomize: true,
      // Another process of this repository's fetches, too; and a killed Git is no reason to give up.
      shouldRetry: ({ error }) => error instanceof DstackError && ['lock', 'killed'].includes(error.code),
    });
    const refs = await listRefs(
      local.gitDir,
      prefixes.map((prefix) => `${mirror}/${prefix}`),
    );
    return new Map([...refs].map(([ref, id]) => [ref.slice(mirror.length + 1), id]));
  };

  return {
    location,
    remote,
    local,
    path: null,
    list: (prefixes, { limit } = {}) =>
      limit === undefined
        ? oneAtATime(() => fetchPrefixes(prefixes))
        : inTime(limit, location, (left) => oneAtATime(async () => fetchPrefixes(prefixes, left()))),
    async tips(refs) {
      const found = await listRemoteRefs(local, remote, refs);
      if ('failure' in found) throw unreachable(location, found.failure);
      return exactly(refs, found.refs);
    },
    read: (name) => reader.read(name),
    // A listing has fetched them already.
    obtain: async () => {},
    write: (commits) => writeCommits(local, commits),
    push: (updates, options) =>
      push(local, remote, updates, { ...options, atomic: options?.atomic ?? false }),
    close: () => reader.close(),
  };
}

/** A listing that waits for another one, which may hang for longer than there is time. */
async function inTime<T>(
  limit: number,
  location: string,
  act: (left: () => number) => Promise<T>,
): Promise<T> {
  const until = performance.now() + limit;
  const tooLate = () =>
    unreachable(location, { code: 'unreachable', words: 'it does not answer in time', hint: undefined });
  const timeout = new AbortController();
  try {
    return await Promise.race([
      act(() => {
        const left = until - performance.now();
        if (left <= 0) throw tooLate();
        return left;
      }),
      sleep(limit, undefined, { signal: timeout.signal }).then(() => Promise.reject(tooLate())),
    ]);
  } finally {
    timeout.abort();
  }
}

function exactly(refs: readonly string[], found: ReadonlyMap<string, string>): Map<string, string> {
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

function differentFormat(path: string, theirs: string, ours: string): DstackError {
  return new DstackError('object-format', `${path} holds ${theirs} objects, this repository ${ours} ones`, {
    hint: `make a shared repository of the same kind: git init --bare --object-format=${ours} PATH`,
  });
}
