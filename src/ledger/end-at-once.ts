import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { JobSpec } from '../language/job-spec.ts';
import { acquireClaim } from './claims.ts';
import { timeOf } from './clock.ts';
import type { Ledger } from './ledger.ts';
import { openLiveReader } from './live.ts';
import { makeRecord, type Outcome } from './records.ts';
import type { JobId } from './refs.ts';
import { settle } from './settle.ts';

/** A job that no runner fits: whoever submits it ends it, too. */
export const forNoRunner = (why: 'rejected' | 'uploaded') => ({ [`dstack/${why}`]: 'true' });

/** How a job is ended that nothing was executed of. */
export interface EndAtOnce {
  /** What stands where else a runner's name does. */
  readonly by: string;
  readonly outcome: Outcome;
  readonly log?: Uint8Array;
  /** The text of `artifacts.json`. */
  readonly artifacts?: string;
  /** Called once the job is claimed, before it ends; if it throws, the job goes back into the queue. */
  readonly check?: () => Promise<void>;
}

/**
 * Ends a job that waits in the queue, by a claim and a finish like any other.
 * @param endOf how, by what the job is
 * @returns whether this call has; another may have been quicker
 */
export async function endAtOnce(
  ledger: Ledger,
  id: JobId,
  endOf: (spec: JobSpec) => EndAtOnce,
): Promise<boolean> {
  const ref = ledger.names.job('queue', id);
  const commit = (await ledger.shared.list([ref])).get(ref);
  if (commit === undefined) return false;
  const entry = await openLiveReader(ledger).queueEntry(id, commit);
  const end = endOf(entry.job.spec);
  const claimant = { runner: end.by, host: hostname(), instance: ledger.clock.id(), lease: 60 };
  const acquired = await acquireClaim(ledger, entry, claimant, null, true);
  if (acquired.result !== 'won') return false;
  const { holder } = acquired;
  try {
    await end.check?.();
  } catch (error) {
    await holder.withdraw();
    throw error;
  }
  if (end.log) {
    await holder.renew({ chunks: [{ at: Math.floor(ledger.clock.now() / 1000), bytes: end.log }] });
  }
  const log = end.log && {
    bytes: end.log.length,
    sha256: createHash('sha256').update(end.log).digest('hex'),
    stored: false,
  };
  const outcome = { ...end.outcome, ...(log && { log }) };
  const finished = await holder.finish(
    (claim) => makeRecord(entry, claim, outcome, timeOf(ledger.clock)),
    { artifacts: end.artifacts ?? null, logTail: null },
    (attempt) => attempt >= 5,
  );
  if (finished.result !== 'won') return false;
  // If this fails, whoever looks next completes it.
  await settle(ledger, [finished]).catch(() => false);
  return true;
}
