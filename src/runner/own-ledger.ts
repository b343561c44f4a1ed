import type { Logger } from 'pino';
import { DstackError } from '../errors.ts';
import { type CommitInput, neededBy } from '../git/commit-input.ts';
import { fetchRefs } from '../git/fetch.ts';
import type { GitObject } from '../git/object-reader.ts';
import type { PushOutcome } from '../git/push.ts';
import { isObjectId } from '../git/repository.ts';
import { isSound, speaksOfDamage, startAnew } from '../git/soundness.ts';
import { inOrder } from '../ledger/in-order.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SharedRepository } from '../ledger/shared-repository.ts';
import { openLockComplaints } from './lock-complaints.ts';

/** So many commits are remembered until they are pushed. */
const remembered = 64;

/**
 * A ledger whose local repository is a runner's own: found damaged, it is begun anew, with what is needed from the shared
 * one, and what was on its way there is written again. Lock files in the way of pushes are told of.
 */
export function ownLedger(ledger: Ledger, log: Pick<Logger, 'warn'>): Ledger {
  const { shared, names } = ledger;
  const complain = openLockComplaints(log, ledger.clock);
  const oneAtATime = inOrder();
  /** What was written and isn't known to be in the shared repository: the same input gives the same id. */
  const onTheWay = new Map<string, readonly CommitInput[]>();

  const mend = (error: string): Promise<void> =>
    oneAtATime(async () => {
      if (await isSound(shared.local)) return;
      log.warn(
        { repository: shared.local.gitDir, error },
        'it was damaged and is begun anew: what was in it is fetched again',
      );
      await startAnew(shared.local);
      // Elsewhere, what was listed has been fetched, and is relied on.
      if (shared.path === null) {
        await shared.list((['queue', 'claims', 'stops', 'runners'] as const).map((area) => names.area(area)));
      }
    });
  /** One by one: what isn't there keeps nothing else from coming. */
  const bring = async (ids: Iterable<string>): Promise<void> => {
    for (const id of ids) await fetchRefs(shared.local, shared.remote, [id]);
  };
  const writeAgain: SharedRepository['write'] = async (commits, options) => {
    await bring(neededBy(commits));
    return shared.write(commits, options);
  };

  const write: SharedRepository['write'] = async (commits, options) => {
    const ids = await shared.write(commits, options).catch(async (error: unknown) => {
      if (!isGitFailure(error)) throw error;
      await mend(error.message);
      return writeAgain(commits, options);
    });
    for (const id of ids) onTheWay.set(id, commits);
    for (const old of [...onTheWay.keys()].slice(0, -remembered)) onTheWay.delete(old);
    return ids;
  };

  const push: SharedRepository['push'] = async (updates, options) => {
    const outcome = await shared.push(updates, options).catch((error: unknown): PushOutcome => {
      // Before it could push, it had to fetch something into it.
      if (!isGitFailure(error)) throw error;
      return { ok: false, failure: { code: 'failed', words: error.message, hint: error.hint } };
    });
    const pushed = updates.flatMap(({ to }) => to ?? []);
    if (outcome.ok) {
      for (const id of pushed) onTheWay.delete(id);
      return outcome;
    }
    const { words } = outcome.failure;
    await complain(words);
    if (!speaksOfDamage(words)) return outcome;
    await mend(words);
    for (const commits of new Set(pushed.flatMap((id) => [onTheWay.get(id) ?? []]))) {
      if (commits.length > 0) await writeAgain(commits);
    }
    return outcome;
  };

  const read = async (name: string): Promise<GitObject | null> => {
    let problem = 'an object was missing';
    const answer = await shared.read(name).catch((error: unknown) => {
      if (!isGitFailure(error)) throw error;
      problem = error.message;
      return undefined;
    });
    // That a path isn't there says nothing; an object that is known by its id should be.
    if (answer || (answer === null && !isObjectId(name))) return answer;
    await mend(problem);
    const commits = onTheWay.get(name);
    if (commits) await writeAgain(commits);
    else if (isObjectId(name)) await bring([name]);
    return shared.read(name);
  };

  const obtain: SharedRepository['obtain'] = (ids, options) =>
    shared.obtain(ids, options).catch(async (error: unknown) => {
      if (!isGitFailure(error)) throw error;
      await mend(error.message);
      return shared.obtain(ids, options);
    });

  // Not a copy: whatever else the shared repository offers stays as it is.
  const tended: SharedRepository = Object.assign(Object.create(shared), { write, push, read, obtain });
  return { ...ledger, shared: tended };
}

/** Of the repository itself, or of what was to be fetched into it. */
function isGitFailure(error: unknown): error is DstackError {
  return error instanceof DstackError && (error.code === 'git-failed' || speaksOfDamage(error.message));
}
