import type { Logger } from 'pino';
import type { DstackError } from '../errors.ts';
import { formatDuration } from '../human-units.ts';
import type { Clock } from '../ledger/clock.ts';

/** The first word about an outage that lasts comes after so many seconds, each further one after twice as many. */
const firstReminder = 60;
/** An outage that is over is worth a word for so long, if it took so long; seconds. */
const remembered = 60;
const worthAWord = 5;

/** Whether the shared repository answers this runner, in its log as it changes. */
export interface Contact {
  answered(): void;
  failed(error: unknown): void;
  /** Failures in a row. */
  failures(): number;
  /** What others should know once they can: it was out of contact; null: nothing. */
  lately(): string | null;
}

export function keepContact(log: Logger, clock: Pick<Clock, 'monotonic' | 'now'>): Contact {
  let failures = 0;
  let outage: { since: number; at: string; reason: string; remindAt: number } | null = null;
  let last: { endedAt: number; words: string } | null = null;
  return {
    failures: () => failures,
    answered() {
      failures = 0;
      if (!outage) return;
      const seconds = clock.monotonic() - outage.since;
      log.info({ since: outage.at, seconds: Math.round(seconds) }, 'the shared repository is back');
      const end = new Date(clock.now()).toISOString();
      outage = null;
      if (seconds < worthAWord) return;
      last = {
        endedAt: clock.monotonic(),
        words: `it was out of contact for ${formatDuration(seconds * 1000)} until ${end}`,
      };
    },
    failed(error) {
      failures += 1;
      const { message, code } = error as DstackError;
      const now = clock.monotonic();
      // Two ways to fail that follow each other are one outage, but each is worth a word.
      const reason = code === 'busy' ? 'has too much to do, so it is called less often' : 'does not answer';
      if (outage === null || outage.reason !== reason) {
        outage = {
          since: outage?.since ?? now,
          at: outage?.at ?? new Date(clock.now()).toISOString(),
          reason,
          remindAt: now + firstReminder,
        };
        log.warn({ error: message }, `the shared repository ${reason}`);
      } else if (now >= outage.remindAt) {
        outage.remindAt = outage.since + 2 * (now - outage.since);
        log.warn({ error: message, since: outage.at }, `the shared repository still ${reason}`);
      }
    },
    lately: () => (last && clock.monotonic() - last.endedAt < remembered ? last.words : null),
  };
}
