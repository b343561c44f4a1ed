import { createHash } from 'node:crypto';
import { keptManifest } from './claim-commits.ts';
import { acquireClaim, type Claimant } from './claims.ts';
import { timeOf } from './clock.ts';
import type { Action } from './decide.ts';
import type { ClaimFile, RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { listChunks, readLog } from './log-chunks.ts';
import { runnerLost, stoppedBy } from './reasons.ts';
import { makeRecord, type Outcome } from './records.ts';
import { settle } from './settle.ts';

/**
 * Ends a job that nobody executes: skipped because of what it depends on, stopped before or after its runner, or
 * given up on. Done by a claim and a finish like any other, so that it can't collide with an execution.
 * @param ended is told of its outcome if it was ended here
 */
export async function closeJob(
  ledger: Ledger,
  action: Extract<Action, { do: 'skip' | 'stop' | 'give-up' }>,
  claimant: Claimant,
  ended: (record: RecordFile) => void = () => {},
): Promise<'closed' | 'lost' | 'unknown'> {
  const acquired = await acquireClaim(ledger, action.entry, claimant, action.over, true);
  if (acquired.result !== 'won') return acquired.result;
  const { holder } = acquired;
  const log = await logLeftBehind(ledger, holder.tip());
  const outcome = outcomeOf(action);
  const manifest = outcome.state === 'aborted' ? null : await keptManifest(ledger, holder.tip());
  const finished = await holder.finish(
    (claim) =>
      makeRecord(
        action.entry,
        claim,
        { ...outcome, ...(log ? { log } : {}), artifacts: manifest === null ? null : claim.artifacts },
        timeOf(ledger.clock),
      ),
    { artifacts: manifest, logTail: null },
    (attempt) => attempt >= 5,
  );
  if (finished.result !== 'won') return finished.result;
  ended(finished.record);
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
        reason: stoppedBy(action.by, action.abort, whenStopped(action.over?.claim ?? null)),
      };
    case 'give-up':
      return { state: 'failed', reason: whyGivenUp(action.over.claim) };
  }
}

function whenStopped(claim: ClaimFile | null): string {
  if (claim === null) return ' before it ran';
  return claim.state === 'waiting' ? `; ${claim.detail}` : ', its runner was silent';
}

function whyGivenUp(claim: ClaimFile): string {
  return claim.state === 'waiting' ? (claim.detail ?? '') : runnerLost(claim);
}
