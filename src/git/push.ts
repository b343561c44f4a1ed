import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { callRemote } from './call-remote.ts';
import { isObjectId, type Repository } from './repository.ts';
import { type GitResult, runGit } from './run-git.ts';
import { scratchFolder } from './scratch-folder.ts';
import { explainTransferFailure, type TransferFailure } from './transfer-failure.ts';

export interface RefUpdate {
  readonly ref: string;
  /** What it must point at for the update to happen; null: it must not exist; undefined: whatever it is. */
  readonly from: string | null | undefined;
  /** Null deletes it. */
  readonly to: string | null;
}

/**
 * What is known after a push. `ok` false means unknown, not refused: the reply to a push that was
 * applied may be the thing that got lost. Read the refs before deciding anything.
 */
export type PushOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly failure: TransferFailure;
      /** The refs that are known to have been updated all the same. */
      readonly done?: ReadonlySet<string>;
    };

/** Is it the host's word, in a failed push, that it can't do several refs all or nothing? */
export function lacksAtomic(words: string): boolean {
  return /does not support --atomic/.test(words);
}

/** Options that keep a user's hooks and settings out of our pushes. */
const isolation = [
  '--no-follow-tags',
  '--recurse-submodules=no',
  '--no-signed',
  '--porcelain',
  // By it one sees that a push goes on.
  '--progress',
];

/** A hook there may take its time before it says anything; milliseconds. */
const silenceLimit = 120_000;

/**
 * Pushes ref updates, each guarded by a lease on its old value; all or none where `atomic` and the host can.
 * @param remote a remote's name, URL or path
 * @param options.limit see {@link callRemote}
 */
export async function push(
  repository: Repository,
  remote: string,
  updates: readonly RefUpdate[],
  options: { atomic: boolean; signal?: AbortSignal; limit?: number | undefined },
): Promise<PushOutcome> {
  if (updates.length === 0) return { ok: true };
  const deletes = updates.filter(({ to }) => to === null);
  if (deletes.length > 0 && existsSync(join(repository.commonDir, 'shallow'))) {
    // With `receive.shallowUpdate`, Git 2.39's receive-pack crashes on a deletion that comes from a shallow repository.
    const others = updates.filter(({ to }) => to !== null);
    const outcome = await push(repository, remote, others, options);
    if (!outcome.ok) return outcome;
    return push(await emptyRepository(repository), await addressOf(repository, remote), deletes, options);
  }
  let done: ReadonlySet<string> = new Set();
  const failure = await callRemote(
    remote,
    pushArguments(remote, updates, options),
    { gitDir: repository.gitDir, signal: options.signal, limit: options.limit, silenceLimit },
    (result) => {
      done = updatedRefs(result);
      return failureOfPush(result);
    },
  );
  return failure ? { ok: false, failure, done } : { ok: true };
}

/**
 * The arguments for Git by which these updates are pushed.
 * @param options.verify lets the `pre-push` hook run
 */
export function pushArguments(
  remote: string,
  updates: readonly RefUpdate[],
  options: { atomic: boolean; verify?: boolean },
): string[] {
  const forced = updates.filter((update) => update.from === undefined);
  // A `+` anywhere weakens leases; keep the two kinds apart.
  if (forced.length > 0 && forced.length < updates.length)
    throw new Error('leased and unleased updates in one push');
  const leases = updates.flatMap(({ ref, from }) => {
    if (from === undefined) return [];
    if (from !== null && !isObjectId(from)) throw new Error(`not an object id: ${from}`);
    return [`--force-with-lease=${ref}:${from ?? ''}`];
  });
  const refspecs = updates.map(({ ref, to, from }) => {
    if (to !== null && !isObjectId(to)) throw new Error(`not an object id: ${to}`);
    return `${from === undefined ? '+' : ''}${to ?? ''}:${ref}`;
  });
  const atomic = options.atomic ? ['--atomic'] : [];
  const verify = options.verify ? '--verify' : '--no-verify';
  const flags = [verify, ...isolation, ...atomic, ...leases];
  return ['-c', 'push.pushOption=', 'push', ...flags, '--', remote, ...refspecs];
}

/** Why a push failed; null: it didn't. */
export function failureOfPush(result: GitResult): TransferFailure | null {
  if (result.exitCode === 0) return null;
  const rejected = result.stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.split('\t')[2] ?? '');
  return explainTransferFailure(`${result.stderr}\n${[...new Set(rejected)].join('\n')}`);
}

/**
 * The refs that the other side reports as updated, in a push of which it has refused others. One that has failed though
 * nothing was refused tells nothing.
 */
function updatedRefs({ exitCode, stdout }: GitResult): Set<string> {
  const lines = stdout.toString('utf8').split('\n');
  if (exitCode !== 1 || !lines.some((line) => line.startsWith('!\t'))) return new Set();
  return new Set(lines.flatMap((line) => /^[ +*=-]\t[^\t]*:([^\t:]+)\t/.exec(line)?.[1] ?? []));
}

/** A repository beside this one, without objects of its own to speak of: enough to delete remote refs from. */
async function emptyRepository(repository: Repository): Promise<Repository> {
  const gitDir = await scratchFolder(repository);
  return { ...repository, gitDir, commonDir: gitDir };
}

/** A remote's name means nothing in another repository. */
async function addressOf(repository: Repository, remote: string): Promise<string> {
  const result = await runGit(['remote', 'get-url', '--push', '--', remote], { gitDir: repository.gitDir });
  return result.exitCode === 0 ? result.stdout.toString('utf8').trimEnd() : remote;
}
