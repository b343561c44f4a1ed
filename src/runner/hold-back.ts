/** The first wait for something that could not be done; milliseconds. */
const shortest = 1_000;

/** What is not to be tried again for a while, each time for twice as long. */
export interface HoldBack {
  add(key: string): void;
  /** Milliseconds until it may be tried again. */
  remaining(key: string): number;
}

/** @param longest wait, in milliseconds */
export function holdBack(now: () => number = () => performance.now(), longest = 5 * 60_000): HoldBack {
  const held = new Map<string, { wait: number; until: number }>();
  return {
    add(key) {
      // What has been left alone for as long again begins anew, and does not fill the memory of who runs for months.
      for (const [other, { until }] of held) if (now() - until > longest) held.delete(other);
      const wait = Math.min(longest, 2 * (held.get(key)?.wait ?? shortest / 2));
      held.set(key, { wait, until: now() + wait });
    },
    remaining: (key) => Math.max(0, (held.get(key)?.until ?? 0) - now()),
  };
}
