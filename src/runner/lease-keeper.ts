import { type ClaimHolder, monotonicSeconds } from '../ledger/claims.ts';

export interface LeaseKeeperEvents {
  /** The lease is about to run out unrenewed: stop computing, so that nobody else's work is doubled. */
  freeze(): void;
  /** It was renewed after all. */
  thaw(): void;
  /** Another has the job. */
  lost(): void;
}

/** What to do about a lease now, from its age alone. All in seconds. */
export function leaseAction(age: number, lease: number): 'nothing' | 'renew' | 'freeze' {
  if (age >= lease * 0.75) return 'freeze';
  return age >= lease / 3 ? 'renew' : 'nothing';
}

/**
 * Renews a claim every third of its lease. The age counts from the start of the last acknowledged renewal on a clock
 * that goes on during suspend; while the repository can't be reached, the job is frozen in time.
 */
export function keepLease(holder: ClaimHolder, events: LeaseKeeperEvents): { check(): void; stop(): void } {
  const { lease } = holder.claim();
  let renewing = false;
  let frozen = false;
  let stopped = false;

  const renew = async () => {
    renewing = true;
    const result = await holder.renew().catch(() => 'unknown' as const);
    renewing = false;
    if (stopped) return;
    if (result === 'lost') {
      stop();
      events.lost();
    } else {
      check();
    }
  };
  const check = () => {
    if (stopped) return;
    const action = leaseAction(monotonicSeconds() - holder.acknowledgedAt(), lease);
    if (action === 'freeze' && !frozen) {
      frozen = true;
      events.freeze();
    } else if (action !== 'freeze' && frozen) {
      frozen = false;
      events.thaw();
    }
    if (action !== 'nothing' && !renewing) void renew();
  };
  const timer = setInterval(check, Math.min(1_000, (lease * 1000) / 12));
  const stop = () => {
    stopped = true;
    clearInterval(timer);
  };
  return { check, stop };
}
