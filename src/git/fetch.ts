import { isAbsolute } from 'node:path';
import { diskFull, lacksRoom, saysDiskFull } from '../disk-full.ts';
import type { Repository } from './repository.ts';
import { runGit } from './run-git.ts';
import { explainTransferFailure, type TransferFailure } from './transfer-failure.ts';

/** Options that keep a fetch of ours from touching anything of the user's but the refs named. */
const isolation = [
  '--no-tags',
  // A user's own refspecs must not be updated along with ours.
  '--refmap=',
  '--no-write-fetch-head',
  '--no-auto-maintenance',
  '--no-recurse-submodules',
  '--quiet',
  '--no-show-forced-updates',
];

/**
 * Fetches refspecs. With `prune`, local refs on the right side of a refspec that have gone at the remote go, too.
 * @returns null, or why it failed
 */
export async function fetchRefs(
  repository: Repository,
  remote: string,
  refspecs: readonly string[],
  options: { prune?: boolean; depth?: number; signal?: AbortSignal } = {},
): Promise<TransferFailure | null> {
  const extra = [
    ...(options.prune ? ['--prune'] : ['--no-prune']),
    ...(options.depth ? [`--depth=${options.depth}`, '--update-shallow'] : []),
  ];
  // Version 2 of the protocol serves any object by its id, whatever the user's setting.
  const result = await runGit(
    ['-c', 'protocol.version=2', 'fetch', ...isolation, ...extra, '--', remote, ...refspecs],
    {
      gitDir: repository.gitDir,
      signal: options.signal,
      mayAsk: !isAbsolute(remote),
    },
  );
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
