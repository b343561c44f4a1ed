import { diskFull, lacksRoom, saysDiskFull } from '../disk-full.ts';
import { callRemote } from './call-remote.ts';
import type { Repository } from './repository.ts';
import type { GitResult } from './run-git.ts';
import { explainTransferFailure, type TransferFailure } from './transfer-failure.ts';

/** Options that keep a fetch of ours from touching anything of the user's but the refs named. */
const isolation = [
  '--no-tags',
  // A user's own refspecs must not be updated along with ours.
  '--refmap=',
  '--no-write-fetch-head',
  '--no-auto-maintenance',
  '--no-recurse-submodules',
  // By it one sees that a fetch goes on.
  '--progress',
  '--no-show-forced-updates',
];

/**
 * Fetches refspecs. With `prune`, local refs on the right side of a refspec that have gone at the remote go, too.
 * @param options.limit see {@link callRemote}
 * @param options.tips patterns of the local refs from which the remote is told what is here, instead of all: it looks at
 *   all that is just beneath such a commit, which of one with thousands of parents takes it long. Where none matches: all
 * @returns null, or why it failed
 */
export async function fetchRefs(
  repository: Repository,
  remote: string,
  refspecs: readonly string[],
  options: {
    prune?: boolean;
    depth?: number;
    signal?: AbortSignal;
    limit?: number | undefined;
    tips?: readonly string[];
  } = {},
): Promise<TransferFailure | null> {
  const extra = [
    ...(options.prune ? ['--prune'] : ['--no-prune']),
    ...(options.tips ?? []).map((tip) => `--negotiation-tip=${tip}`),
    ...(options.depth ? [`--depth=${options.depth}`, '--update-shallow'] : []),
  ];
  // Version 2 of the protocol serves any object by its id, whatever the user's setting.
  return callRemote(
    remote,
    ['-c', 'protocol.version=2', 'fetch', ...isolation, ...extra, '--', remote, ...refspecs],
    { gitDir: repository.gitDir, signal: options.signal, limit: options.limit },
    (result) => failureOfFetch(repository, result),
  );
}

/** Why a command that only reads from a remote has failed; null: it hasn't. */
export async function failureOfFetch(
  repository: Repository,
  result: GitResult,
): Promise<TransferFailure | null> {
  if (result.exitCode === 0) return null;
  // What the other side lacks it says as `remote: …`; the rest is about this one.
  const own = result.stderr.replace(/^remote:.*$/gm, '');
  if (
    saysDiskFull(own) ||
    (/unable to write|couldn't write/.test(own) && (await lacksRoom(repository.objectDir)))
  ) {
    const { message, hint } = diskFull(repository.commonDir);
    return { code: 'disk-full', words: message, hint };
  }
  return explainTransferFailure(result.stderr);
}

/**
 * What of these refs a remote has, each with the id it points at; nothing is transferred but the list of all its refs.
 * @returns them (and what else ends in one of these names), or why that failed
 */
export async function listRemoteRefs(
  repository: Repository,
  remote: string,
  refs: readonly string[],
): Promise<{ refs: Map<string, string> } | { failure: TransferFailure }> {
  const found = new Map<string, string>();
  if (refs.length === 0) return { refs: found };
  const failure = await callRemote(
    remote,
    ['ls-remote', '--refs', '--quiet', '--', remote, ...refs],
    { gitDir: repository.gitDir },
    (result) => {
      for (const line of result.stdout.toString('utf8').split('\n')) {
        const [id = '', ref] = line.split('\t');
        if (ref) found.set(ref, id);
      }
      return failureOfFetch(repository, result);
    },
  );
  return failure ? { failure } : { refs: found };
}
