import type { Logger } from 'pino';
import { DstackError } from '../errors.ts';
import { fetchRefs } from '../git/fetch.ts';
import { isObjectId } from '../git/repository.ts';
import { isSound, speaksOfDamage, startAnew } from '../git/soundness.ts';
import type { CommitInput } from '../git/write-commits.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SharedRepository } from '../ledger/shared-repository.ts';
import { openLockComplaints } from './lock-complaints.ts';

/**
 * A ledger whose local repository is a runner's own: found damaged, it is begun anew, with what is needed of the shared
 * one. Only what was being written at that moment is lost; that is tried again like any push that failed. Lock files in
 * the way of pushes are told of.
 */
export function ownLedger(ledger: Ledger, log: Pick<Logger, 'warn'>): Ledger {
  const { shared } = ledger;
  const complain = openLockComplaints(log, ledger.clock);
  let suspicious = false;

  const beginAnew = async (commits: readonly CommitInput[], error: string) => {
    log.warn(
      { repository: shared.local.gitDir, error },
      'it was damaged and is begun anew: what was in it is fetched again',
    );
    await startAnew(shared.local);
    const needed = commits.flatMap(({ parents, baseTree, files }) => [
      ...parents,
      ...(baseTree ? [baseTree] : []),
      ...files.flatMap((file) => ('id' in file ? [file.id] : [])),
    ]);
    // One by one: what isn't there keeps nothing else from coming.
    for (const id of new Set(needed.filter(isObjectId))) await fetchRefs(shared.local, shared.remote, [id]);
  };

  const write: SharedRepository['write'] = async (commits) => {
    const wasSuspicious = suspicious;
    suspicious = false;
    let error = 'a push had failed for want of objects';
    if (!wasSuspicious) {
      try {
        return await shared.write(commits);
      } catch (failure) {
        if (!(failure instanceof DstackError) || failure.code !== 'git-failed') throw failure;
        if (await isSound(shared.local)) throw failure;
        error = failure.message;
      }
    }
    await beginAnew(commits, error);
    return shared.write(commits);
  };

  const push: SharedRepository['push'] = async (updates, options) => {
    const outcome = await shared.push(updates, options);
    if (!outcome.ok) await complain(outcome.failure.words);
    if (!outcome.ok && speaksOfDamage(outcome.failure.words)) suspicious = !(await isSound(shared.local));
    return outcome;
  };

  // Not a copy: whatever else the shared repository offers stays as it is.
  const tended: SharedRepository = Object.assign(Object.create(shared), { write, push });
  return { ...ledger, shared: tended };
}
