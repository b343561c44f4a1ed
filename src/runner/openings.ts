import type { Action } from '../ledger/decide.ts';
import { watchFirstSeen } from '../ledger/first-seen.ts';
import type { Member } from '../ledger/fleet.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { watchStandings } from '../ledger/queue-order.ts';
import { jobName } from '../ledger/refs.ts';
import type { Maker } from '../ledger/same-key.ts';
import { type Candidate, type Opening, thoseWithRoom } from './line-up.ts';

type Execute = Extract<Action, { do: 'execute' }>;

/** Where a smaller machine has room for a job, a larger one leaves it alone for a poll or two; milliseconds. */
const headStart = (poll: number) => 1.5 * poll + 500;
/** Whoever leaves alone for longer what he has room for, does so for reasons of his own; milliseconds. */
const longestIdle = (poll: number) => 3 * headStart(poll);

/** An opening, and how to go through it. */
export interface Way extends Opening {
  readonly action: Execute;
}

/** What a look has shown that there is to execute. */
export interface Offer {
  readonly at: number;
  /** In the order in which it is tried; what has been tried is removed. */
  readonly candidates: Candidate<Way>[];
  /** What room is kept for. */
  readonly kept: Way | null;
  readonly makers: ReadonlyMap<string, readonly Maker[]>;
  /** Keys of results that have been begun upon it: the next look finds that others of theirs have to wait. */
  readonly begun: Set<string>;
}

/** What could be executed, and for how long already. */
export interface Openings {
  /** @param executable all that a look has shown */
  of(
    executable: readonly Execute[],
    hasRoom: (spec: QueueEntry['job']['spec']) => boolean,
    heldBack: (key: string) => boolean,
  ): Way[];
  /** Those of the others that have had room for something for long, and take nothing. */
  idle(ways: readonly Way[], others: readonly Member[]): ReadonlySet<string>;
  /** Milliseconds from now for which smaller machines may still come before this one. */
  headStartOf(key: string): number;
  /** It has been tried: from now on it waits anew. */
  tried(key: string): void;
}

/**
 * @param poll how often runners look, milliseconds
 * @param wallClock milliseconds since 1970
 */
export function watchOpenings(
  poll: number,
  wallClock: () => number,
  now: () => number = () => performance.now(),
): Openings {
  const standingsOf = watchStandings(wallClock);
  const firstSeen = watchFirstSeen(now);
  const withRoom = watchFirstSeen(now);
  let since: ReadonlyMap<string, number> = new Map();
  const waited = (key: string) => now() - (since.get(key) ?? now());
  return {
    of(executable, hasRoom, heldBack) {
      const standings = standingsOf(executable.map(({ entry }) => entry));
      since = firstSeen.note(standings.keys());
      if (executable.length === 0) withRoom.note([]);
      return executable.flatMap((action) => {
        const { id, job } = action.entry;
        const key = jobName(id);
        const standing = standings.get(key);
        if (!standing) return [];
        return {
          ...standing,
          action,
          key,
          spec: job.spec,
          hasRoom: hasRoom(job.spec),
          waited: waited(key),
          heldBack: heldBack(key),
        };
      });
    },
    idle(ways, others) {
      const old = ways.filter((way) => way.waited > longestIdle(poll));
      const seen = withRoom.note(thoseWithRoom(old, others));
      return new Set([...seen].flatMap(([name, at]) => (now() - at > longestIdle(poll) ? [name] : [])));
    },
    headStartOf: (key) => Math.max(0, headStart(poll) - waited(key)),
    tried: (key) => firstSeen.forget(key),
  };
}
