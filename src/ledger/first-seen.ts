/**
 * Tells since when each of these has been there in every call, by the clock that it is given. To be called with all
 * that one look has shown.
 */
export interface FirstSeen {
  note(keys: Iterable<string>): ReadonlyMap<string, number>;
  /** It counts from the next call on. */
  forget(key: string): void;
}

export function watchFirstSeen(now: () => number): FirstSeen {
  let seen = new Map<string, number>();
  return {
    note(keys) {
      const at = now();
      const before = seen;
      seen = new Map();
      for (const key of keys) seen.set(key, before.get(key) ?? at);
      return seen;
    },
    forget: (key) => void seen.delete(key),
  };
}
