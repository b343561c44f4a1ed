import type { Ledger } from '../ledger/ledger.ts';
import { type CardContent, watchForDeadCards } from '../ledger/runner-cards.ts';
import { announceRunner } from './announce.ts';

/** A runner's card for as long as it runs. */
export interface Presence {
  /** Another runner has taken the name. */
  readonly replaced: boolean;
  /** Something that others may want to see before the next heartbeat: told then, once, and not too often. */
  tell(matter: string | null): void;
  remove(): Promise<void>;
}

/** At least so long between two heartbeats of which one comes early, milliseconds: each costs a push. */
const leastBetween = 5_000;

/**
 * Puts up the runner's card and renews it at each heartbeat; takes down those of runners that were killed.
 * @param content asked anew each time
 * @param replaced told once, if another runner has taken the name
 * @throws DstackError `runner-name-taken`, `unreachable`
 */
export async function keepPresent(
  ledger: Ledger,
  content: () => CardContent,
  waiting: (seconds: number, host: string) => void,
  replaced: () => void,
): Promise<Presence> {
  const card = await announceRunner(ledger, content(), waiting);
  const takeDownDead = watchForDeadCards(ledger);
  let beat: Promise<void> | null = null;
  let isReplaced = false;
  let told: string | null = null;
  let toldAt = Number.NEGATIVE_INFINITY;
  const update = async () => {
    const result = await card.update(content()).catch(() => 'unknown' as const);
    await takeDownDead().catch(() => {});
    beat = null;
    if (result !== 'replaced' || isReplaced) return;
    isReplaced = true;
    clearInterval(timer);
    replaced();
  };
  const timer = setInterval(() => {
    beat ??= update();
  }, content().heartbeat * 1000);
  return {
    get replaced() {
      return isReplaced;
    },
    tell(matter) {
      if (matter === told || isReplaced) return;
      if (matter === null) {
        told = null;
        return;
      }
      // A heartbeat on its way may have been written before this was known: it is told at the next look.
      if (beat !== null || performance.now() - toldAt < leastBetween) return;
      told = matter;
      toldAt = performance.now();
      beat = update();
    },
    async remove() {
      clearInterval(timer);
      // A heartbeat on its way would put the card up again.
      await beat;
      await card.remove();
    },
  };
}
