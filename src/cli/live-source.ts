import { setTimeout as sleep } from 'node:timers/promises';
import { shownAtLeast } from '../ledger/read-state.ts';
import { isFinal, type LedgerState } from '../ledger/state.ts';
import type { Wake } from '../ledger/wake.ts';

interface Reading {
  readonly state: LedgerState | null;
  readonly error: string | null;
  readonly readAt: number;
}

/** What a live screen shows: read again at every sign of a change, and every so often. */
export interface LiveSource {
  /** Calls the listener at once with what there is, if there is any, then with each look. */
  subscribe(listener: (reading: Reading) => void): () => void;
  /** Somebody is waiting: the next look is now, unless the last one has just been. */
  hurry(): void;
  /** Older runs are wanted, too. */
  older(): void;
  close(): void;
}

/** Milliseconds: who looks so often misses nothing. */
const justNow = 500;

/** So many runs are read when the first older ones are wanted; from then on twice as many each time. */
const firstStep = 200;

/**
 * @param read the newest so many runs at least, if there are
 * @param poll milliseconds between looks where nothing tells of changes: fewer while something changes, more where nothing does
 */
export function liveSource(
  wakes: readonly Wake[],
  read: (atLeast: number) => Promise<LedgerState>,
  poll: number,
): LiveSource {
  let over = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let wanted = shownAtLeast;
  let loaded = 0;
  // Whoever comes back to it, from a log, need not wait, or has this at least while nothing can be read.
  let last: Reading = { state: null, error: null, readAt: Date.now() };
  let face = '';
  const look = () => {
    for (const wake of wakes) wake.notify();
  };
  return {
    subscribe(listener) {
      let subscribed = true;
      let pause = poll;
      if (last.state !== null) listener(last);
      void (async () => {
        while (subscribed && !over) {
          const from = performance.now();
          let changed = false;
          try {
            const state = await read(wanted);
            loaded = state.runs.length;
            const now = faceOf(state);
            changed = now !== face;
            face = now;
            // The same as before is the same object, by which a screen knows that it has nothing to draw.
            last = { state: changed ? state : last.state, error: null, readAt: Date.now() };
          } catch (error) {
            last = { ...last, error: (error as Error).message };
          }
          if (subscribed) listener(last);
          pause = nextPause(pause, poll, changed);
          lookedAt = performance.now();
          // A screen need not be quick to follow what changes all the time.
          await untilSign(wakes, pause, Math.min(1_000, 3 * (lookedAt - from)));
        }
      })();
      return () => {
        subscribed = false;
        // Two who wait for the same signs would take them from each other.
        look();
      };
    },
    hurry() {
      if (performance.now() - lookedAt > justNow) look();
    },
    older() {
      // What was asked for before has to come first.
      if (wanted > loaded) return;
      wanted = Math.max(firstStep, 2 * loaded);
      look();
    },
    close() {
      over = true;
      look();
    },
  };
}

/** Milliseconds until the next look: a quarter of the usual after a change, from then on more and more. Pure. */
export function nextPause(before: number, poll: number, changed: boolean): number {
  return changed ? poll / 4 : Math.min(before * 1.5, poll * 5);
}

/** What changes when something happens. Finished runs no longer do. */
function faceOf(state: LedgerState): string {
  const { runs, runners, archived } = state;
  const tags = runs.flatMap((run) => (run.tags ? [run.name, ...run.tags] : []));
  const unfinished = runs.filter((run) => !isFinal(run.state));
  return JSON.stringify([archived, runs.length, runs[0]?.name, tags, unfinished, runners]);
}

/** Until one of them gives a sign or `pause` is over, but not before `rest`; milliseconds. */
async function untilSign(wakes: readonly Wake[], pause: number, rest: number): Promise<void> {
  const first = Math.min(pause, rest);
  await sleep(first);
  const others = new AbortController();
  await Promise.race(wakes.map((wake) => wake.wait(pause - first, others.signal)));
  others.abort();
}
