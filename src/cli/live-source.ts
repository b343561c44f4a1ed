import type { LedgerState } from '../ledger/state.ts';
import { untilNextLook, type Wake } from '../ledger/wake.ts';

interface Reading {
  readonly state: LedgerState | null;
  readonly error: string | null;
  readonly readAt: number;
}

/** What a live screen shows, read again at every sign of a change and every so often. */
export function liveSource(
  wakes: readonly Wake[],
  read: () => Promise<LedgerState>,
  poll: number,
): { subscribe(listener: (reading: Reading) => void): () => void; close(): void } {
  let over = false;
  return {
    subscribe(listener) {
      let subscribed = true;
      let last: { state: LedgerState | null; readAt: number } = { state: null, readAt: Date.now() };
      void (async () => {
        while (subscribed && !over) {
          const from = performance.now();
          try {
            last = { state: await read(), readAt: Date.now() };
            if (subscribed) listener({ ...last, error: null });
          } catch (error) {
            if (subscribed) listener({ ...last, error: (error as Error).message });
          }
          // A screen need not be quick to follow what changes all the time.
          const rest = Math.min(1_000, 3 * (performance.now() - from));
          await Promise.race(wakes.map((wake) => untilNextLook(wake, poll, rest)));
        }
      })();
      return () => {
        subscribed = false;
      };
    },
    close() {
      over = true;
    },
  };
}
