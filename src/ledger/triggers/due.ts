import { Cron } from 'croner';

/** A schedule as it is watched. */
export interface ScheduleEntry {
  readonly workflow: string;
  readonly cron: string;
  readonly timezone: string;
  /** ISO 8601; nothing is made up of what was due before. */
  readonly since: string;
}

/** A workflow that is due. */
export interface Due {
  readonly entry: ScheduleEntry;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What was due while nobody was there to see it is made up for so long, and of that only the last; milliseconds. */
const madeUpFor = 24 * 60 * 60_000;

function nextAfter({ cron, timezone }: ScheduleEntry, time: number): number | null {
  try {
    return new Cron(cron, { timezone, paused: true }).nextRun(new Date(time))?.getTime() ?? null;
  } catch {
    // Checked when it was written there; by another version of dstack, perhaps, or not by dstack at all.
    return null;
  }
}

/**
 * When it was last due, up to and with `now`, within a day and after the schedule was first seen; null: not since then.
 * Found by bisection: a pattern may be due every second.
 */
export function lastDue(entry: ScheduleEntry, now: number): number | null {
  const since = Date.parse(entry.since);
  const isDueAfter = (seconds: number): boolean => {
    const next = nextAfter(entry, seconds * 1000);
    return next !== null && next <= now;
  };
  let from = Math.floor(Math.max(Number.isNaN(since) ? now : since, now - madeUpFor) / 1000);
  if (!isDueAfter(from)) return null;
  let to = Math.floor(now / 1000);
  // It is due after `from`, and not after `to`.
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if (isDueAfter(middle)) from = middle;
    else to = middle;
  }
  return nextAfter(entry, from * 1000);
}

/** Which schedules are due, looked at again and again: what that costs is spent only when one may be. */
export interface ScheduleWatch {
  /**
   * @param now milliseconds since 1970
   * @returns what is due and not settled, of each schedule the last; and milliseconds until there is more
   */
  look(entries: readonly ScheduleEntry[], now: number): { due: Due[]; dueIn: number };
  settle(due: readonly Due[]): void;
}

export function watchSchedules(): ScheduleWatch {
  interface Watched {
    due: Due | null;
    next: number | null;
    lookedAt: number;
  }
  let watched = new Map<string, Watched>();
  const keyOf = (entry: ScheduleEntry) => JSON.stringify(entry);
  return {
    look(entries, now) {
      watched = new Map(
        entries.map((entry): [string, Watched] => {
          const key = keyOf(entry);
          const known = watched.get(key);
          if (known && (known.next === null || now < known.next)) {
            // A clock that was ahead for a while would have it wait until then.
            if (now < known.lookedAt) known.next = nextAfter(entry, now);
            known.lookedAt = now;
            return [key, known];
          }
          const last = lastDue(entry, now);
          const isNew = last !== null && (!known || last >= (known.next ?? now));
          return [
            key,
            {
              due: isNew ? { entry, time: last } : (known?.due ?? null),
              next: nextAfter(entry, now),
              lookedAt: now,
            },
          ];
        }),
      );
      const all = [...watched.values()];
      return {
        due: all.flatMap(({ due }) => due ?? []),
        dueIn: Math.min(...all.map(({ next }) => (next === null ? Number.POSITIVE_INFINITY : next - now))),
      };
    },
    settle(due) {
      for (const { entry, time } of due) {
        const known = watched.get(keyOf(entry));
        if (known?.due?.time === time) known.due = null;
      }
    },
  };
}
