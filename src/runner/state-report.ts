import type { ClaimChange } from '../ledger/claim-holder.ts';

/** States are told with this delay, in milliseconds: what a short job passes through costs no push. */
const delay = 200;

/** Says in the claim what a job is doing, a little late and only the newest. */
export interface StateReport {
  tell(change: Omit<ClaimChange, 'chunks'>): void;
  /** What has not been told: somebody else takes it along. */
  take(): Omit<ClaimChange, 'chunks'>;
}

export function reportStates(renew: (change: ClaimChange) => Promise<unknown>): StateReport {
  let waiting: Omit<ClaimChange, 'chunks'> = {};
  let timer: NodeJS.Timeout | null = null;
  const take = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    const taken = waiting;
    waiting = {};
    return taken;
  };
  return {
    take,
    tell(change) {
      waiting = { ...waiting, ...change };
      timer ??= setTimeout(() => void renew(take()).catch(() => {}), delay);
    },
  };
}
