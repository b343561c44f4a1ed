import { isAbsolute } from 'node:path';
import { breakerOf } from './circuit-breaker.ts';
import { type GitOptions, type GitResult, runGit } from './run-git.ts';
import { sharedConnection } from './ssh-sharing.ts';
import { explainTransferFailure, noProgress, type TransferFailure } from './transfer-failure.ts';

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
  if (isAbsolute(remote)) return runGit(args, { ...rest, silenceLimit: undefined }).then(failureOf);
  const silenceLimit = limit ?? options.silenceLimit ?? usualSilence;
  return breakerOf(remote).call(
    async () => {
      const connection = await sharedConnection(remote, options, silenceLimit);
      if (connection === 'silent') return explainTransferFailure(`fatal: ${noProgress}`);
      const env = connection?.env;
      const failure = await failureOf(await runGit(args, { ...rest, silenceLimit, env, mayAsk: true }));
      if (failure?.words.includes(noProgress)) connection?.drop();
      return failure;
    },
    limit === undefined ? undefined : limit / 2,
  );
}
