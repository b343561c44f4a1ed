import type { ClaimHolder } from '../ledger/claim-holder.ts';
import { type Clock, systemClock } from '../ledger/clock.ts';
import type { ClaimFile } from '../ledger/formats.ts';

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
export function keepLease(
  holder: {
    claim(): Pick<ClaimFile, 'lease'>;
    acknowledgedAt(): number;
    renew(): ReturnType<ClaimHolder['renew']>;
  },
  events: LeaseKeeperEvents,
  clock: Pick<Clock, 'monotonic' | 'every'> = systemClock,
): { stop(): void } {
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
    } else if (result === 'won') {
      followAge();
    }
    // Unknown: the next tick tries again, so that an outage is not met with a storm.
  };
  /** Freezes or thaws as the age of the lease has it. */
  const followAge = () => {
    const action = leaseAction(clock.monotonic() - holder.acknowledgedAt(), lease);
    if (action === 'freeze' && !frozen) {
      frozen = true;
      events.freeze();
    } else if (action !== 'freeze' && frozen) {
      frozen = false;
      events.thaw();
    }
    return action;
  };
  const tick = () => {
    if (followAge() !== 'nothing' && !renewing) void renew();
  };
  const endTicking = clock.every(Math.min(1_000, (lease * 1000) / 12), tick);
  const stop = () => {
    stopped = true;
    endTicking();
  };
  // The machine may have slept since the claim: nothing is begun on a lease that has run out.
  tick();
  return { stop };
}
