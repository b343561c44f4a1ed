import { createHash } from 'node:crypto';
import { acquireClaim, type Claimant } from './claims.ts';
import { timeOf } from './clock.ts';
import { type Action, attemptLimit } from './decide.ts';
import type { Ledger } from './ledger.ts';
import { listChunks, readLog } from './log-chunks.ts';
import { makeRecord, type Outcome } from './records.ts';
import { settle } from './settle.ts';

/**
 * Ends a job that nobody executes: skipped because of what it depends on, stopped before or after its runner, or
 * given up on. Done by a claim and a finish like any other, so that it can't collide with an execution.
 */
export async function closeJob(
  ledger: Ledger,
  action: Extract<Action, { do: 'skip' | 'stop' | 'give-up' }>,
  claimant: Claimant,
): Promise<'closed' | 'lost' | 'unknown'> {
  const acquired = await acquireClaim(ledger, action.entry, claimant, action.over, true);
  if (acquired.result !== 'won') return acquired.result;
  const { holder } = acquired;
  const log = await logLeftBehind(ledger, holder.tip());
  const finished = await holder.finish(
    (claim) =>
      makeRecord(
        action.entry,
        claim,
        { ...outcomeOf(action), ...(log ? { log } : {}) },
        timeOf(ledger.clock),
      ),
    { artifacts: null, logTail: null },
    (attempt) => attempt >= 5,
  );
  if (finished.result !== 'won') return finished.result;
  // If this fails, whoever looks next completes it.
  await settle(ledger, [finished]).catch(() => false);
  return 'closed';
}

/** What a record says of the log that a lost runner has left; nothing if a part of it is only in the store. */
async function logLeftBehind({ shared }: Ledger, commit: string): Promise<Outcome['log'] | null> {
  const chunks = await listChunks(shared, commit);
  if (chunks.some((chunk) => chunk.stored)) return null;
  const hash = createHash('sha256');
  let total = 0;
  for await (const { bytes } of readLog(shared, commit, 0, null)) {
    hash.update(bytes);
    total += bytes.length;
  }
  return { bytes: total, sha256: hash.digest('hex'), stored: false };
}

function outcomeOf(action: Extract<Action, { do: 'skip' | 'stop' | 'give-up' }>): Outcome {
  switch (action.do) {
    case 'skip':
      return { state: 'skipped', reason: action.because };
    case 'stop':
      return {
        state: action.abort ? 'aborted' : 'stopped',
        reason: `${action.abort ? 'aborted' : 'stopped'} by ${action.by}${action.over ? ', its runner was silent' : ' before it ran'}`,
      };
    case 'give-up':
      return {
        state: 'failed',
        reason: `runner lost ${attemptLimit} times, the last time ${action.over.claim.runner} on ${action.over.claim.host}`,
      };
  }
}
