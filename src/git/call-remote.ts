import { isAbsolute } from 'node:path';
import { breakerOf } from './circuit-breaker.ts';
import { type GitOptions, type GitResult, runGit } from './run-git.ts';
import type { TransferFailure } from './transfer-failure.ts';

/** How long another machine may be silent, in milliseconds. */
const usualSilence = 60_000;

/**
 * Runs a Git command that talks to a remote: a host that fails is not called by everybody at once, and one that falls
 * silent in the middle is given up. A folder on this machine has neither; ending a push there would leave its locks.
 * @param limit milliseconds of silence after which there is no more use in it: it is called in time to know by then
 */
export function callRemote(
  remote: string,
  args: readonly string[],
  options: Pick<GitOptions, 'gitDir' | 'signal' | 'silenceLimit'> & { limit?: number | undefined },
  failureOf: (result: GitResult) => TransferFailure | null | Promise<TransferFailure | null>,
): Promise<TransferFailure | null> {
  const { limit, ...rest } = options;
  const given = limit === undefined ? {} : { silenceLimit: limit };
  if (isAbsolute(remote)) return runGit(args, { ...rest, silenceLimit: undefined }).then(failureOf);
  return breakerOf(remote).call(
    async () =>
      failureOf(await runGit(args, { silenceLimit: usualSilence, ...rest, mayAsk: true, ...given })),
    limit === undefined ? undefined : limit / 2,
  );
}
