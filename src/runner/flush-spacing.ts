/** So much of what comes at once goes together. All times are in milliseconds. */
const gatherFor = 30;
/** How long after one sending, or after the job's start, the next may be. */
const usualPause = 400;
/** Past Git's share of a log each piece is a blob in the store, so pieces are larger and rarer. */
const storedPause = 2_000;
/** Where sending takes long, it is done more rarely: after each it rests for so many times as long. */
const restFactor = 4;

/** When output is sent: at once after a silence, and else as often as sending it can bear. */
export interface FlushSpacing {
  /** How long output that comes now is to wait. */
  delay(now: number): number;
  /** @param stored whether what comes next goes into the store */
  sent(start: number, end: number, stored: boolean): void;
}

export function flushSpacing(startedAt: number): FlushSpacing {
  // What a job of no length prints goes with its outcome.
  let notBefore = startedAt + usualPause;
  return {
    delay: (now) => Math.max(gatherFor, notBefore - now),
    sent(start, end, stored) {
      notBefore = end + Math.max(stored ? storedPause : usualPause, restFactor * (end - start));
    },
  };
}
