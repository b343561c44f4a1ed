import type { TransferFailure } from './transfer-failure.ts';

/** A host that has too much to do is given more time than one that can't be reached: that may be back at once. */
const pauses = {
  busy: { first: 1_000, longest: 60_000 },
  unreachable: { first: 500, longest: 8_000 },
} as const;
/** Half of the pauses that this many failures in a row make is more than the longest of them. */
const highest = 7;
/** So long a call waits for its turn before it fails unsent, milliseconds; what calls it tries again, or gives up. */
const patienceMs = 5_000;

/** Time and chance, so that a test can stand in for both. Milliseconds. */
export interface BreakerClock {
  now(): number;
  /** Calls `act` after a while; returns what prevents that. */
  after(milliseconds: number, act: () => void): () => void;
  random(): number;
}

const systemTime: BreakerClock = {
  now: () => performance.now(),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

export interface CircuitBreaker {
  /**
   * Calls the host, unless it has failed not long before: then the call waits for its turn, and fails unsent if that
   * doesn't come.
   * @param patience of a call that must be tried by then, milliseconds; it goes ahead then, unless another one has
   *   been tried within that time, which tells as much
   */
  call(
    act: () => Promise<TransferFailure | null>,
    patience: number | undefined,
  ): Promise<TransferFailure | null>;
}

/**
 * A circuit breaker for one host: however many want something of it, while it refuses or does not answer one call at
 * a time goes out, after pauses that double, with jitter. Each call that succeeds halves the pauses; the last opens
 * the way for all.
 */
export function circuitBreaker(clock: BreakerClock = systemTime): CircuitBreaker {
  /** 0: the host answers. */
  let level = 0;
  let standing: TransferFailure | null = null;
  let failedAt = Number.NEGATIVE_INFINITY;
  let notBefore = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let probes = 0;
  const waiting = new Set<() => void>();

  const change = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const wakeUp = () => {
        waiting.delete(wakeUp);
        cancel();
        resolve();
      };
      const cancel = clock.after(milliseconds, wakeUp);
      waiting.add(wakeUp);
    });

  const learn = (failure: TransferFailure | null, startedAt: number) => {
    const pause = failure && pauses[failure.code as keyof typeof pauses];
    if (!pause) {
      // A refusal is an answer, too.
      level = level > 0 ? Math.floor(level / 2) : 0;
      notBefore = clock.now();
      return;
    }
    // What was under way when the host failed already says nothing new.
    if (startedAt >= failedAt) level = Math.min(highest, level + 1);
    failedAt = clock.now();
    standing = failure;
    const length = Math.min(pause.longest, pause.first * 2 ** (level - 1));
    notBefore = failedAt + length * (0.75 + clock.random() / 2);
  };

  return {
    async call(act, patience) {
      const until = clock.now() + (patience ?? patienceMs);
      while (level > 0) {
        const now = clock.now();
        if (probes === 0 && now >= notBefore) break;
        if (now >= until) {
          if (patience !== undefined && now - triedAt >= patience) break;
          return { ...(standing as TransferFailure), notSent: true };
        }
        await change((probes > 0 ? until : Math.min(until, Math.max(notBefore, now + 1))) - now);
      }
      const startedAt = clock.now();
      triedAt = startedAt;
      probes += 1;
      try {
        const failure = await act();
        learn(failure, startedAt);
        return failure;
      } finally {
        probes -= 1;
        for (const wakeUp of [...waiting]) wakeUp();
      }
    },
  };
}

const breakers = new Map<string, CircuitBreaker>();

/** The one of a remote, by its name or address, that all share in this process. */
export function breakerOf(remote: string): CircuitBreaker {
  const known = breakers.get(remote) ?? circuitBreaker();
  breakers.set(remote, known);
  return known;
}
