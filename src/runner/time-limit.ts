/** Counts how long something has been running. Time for which it is paused does not count. */
export interface TimeLimit {
  /** It begins; a second call does nothing. */
  start(): void;
  pause(): void;
  resume(): void;
  /** It is over: nothing expires any more. */
  end(): void;
}

/**
 * @param seconds null: no limit
 * @param expired called once, when it has been running for so long
 * @param now monotonic milliseconds
 */
export function timeLimit(
  seconds: number | null,
  expired: () => void,
  now: () => number = () => performance.now(),
): TimeLimit {
  let left = seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000;
  let started = false;
  let paused = false;
  let over = false;
  let running: { since: number; timer: NodeJS.Timeout } | null = null;

  const follow = () => {
    const goes = started && !paused && !over && left !== Number.POSITIVE_INFINITY;
    if (goes && !running) {
      const timer = setTimeout(() => {
        over = true;
        expired();
      }, left);
      running = { since: now(), timer };
    } else if (!goes && running) {
      clearTimeout(running.timer);
      left = Math.max(0, left - (now() - running.since));
      running = null;
    }
  };
  return {
    start() {
      started = true;
      follow();
    },
    pause() {
      paused = true;
      follow();
    },
    resume() {
      paused = false;
      follow();
    },
    end() {
      over = true;
      follow();
    },
  };
}
