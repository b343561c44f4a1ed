import type { ClaimHolder } from '../ledger/claim-holder.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { restoreInputs } from './job-inputs.ts';
import { restoreEarlier } from './restore-earlier.ts';
import type { Workplace } from './workplace.ts';

/** What puts into a workspace what a job finds there, in order; each can be begun again. */
export function inputSteps(
  work: Workplace,
  entry: QueueEntry,
  earlier: Pick<ClaimHolder, 'claim' | 'tip'>,
  workspace: string,
  say: (line: string) => void,
): readonly (() => Promise<unknown>)[] {
  return [
    () => work.snapshots.checkOut(entry, workspace),
    () => restoreInputs(work.ledger, work.reader, entry, work, workspace),
    () => restoreEarlier(work, earlier, workspace, say),
  ];
}
