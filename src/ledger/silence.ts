/**
 * How long each claim has not changed, by the observer's own clock alone, so that no clock is ever compared with
 * another machine's. Only time between two successful listings counts: the first one's end and the last one's start.
 */
export interface SilenceWatch {
  /** @param startedAt when this listing was asked for, @param endedAt when its answer was here; monotonic seconds */
  observe(tips: ReadonlyMap<string, string>, startedAt: number, endedAt: number): void;
  /** A listing failed: what happened meanwhile is unknown, so every measurement starts anew. */
  forget(): void;
  /** Seconds for which this very tip is known to have stood unchanged. */
  silentFor(key: string, tip: string): number;
}

export function watchSilence(): SilenceWatch {
  let seen = new Map<string, { tip: string; since: number; until: number }>();
  return {
    observe(tips, startedAt, endedAt) {
      const next = new Map<string, { tip: string; since: number; until: number }>();
      for (const [key, tip] of tips) {
        const before = seen.get(key);
        next.set(
          key,
          before?.tip === tip
            ? { tip, since: before.since, until: startedAt }
            : { tip, since: endedAt, until: endedAt },
        );
      }
      seen = next;
    },
    forget() {
      seen = new Map();
    },
    silentFor(key, tip) {
      const entry = seen.get(key);
      return entry?.tip === tip ? Math.max(0, entry.until - entry.since) : 0;
    },
  };
}
