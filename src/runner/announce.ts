import { setTimeout as sleep } from 'node:timers/promises';
import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type CardContent, findCard, putUpCard, type RunnerCard } from '../ledger/runner-cards.ts';

/**
 * Puts up the runner's card. A card of the same name from another machine may belong to a runner that lives: that
 * shows in its changing, so it is watched for as long as it takes to be sure.
 * @param waiting told for how many seconds, before that wait
 * @throws DstackError `runner-name-taken`
 */
export async function announceRunner(
  ledger: Ledger,
  content: CardContent,
  waiting: (seconds: number, host: string) => void,
): Promise<RunnerCard> {
  const before = await findCard(ledger, content.name);
  // On this machine the lock has told already that the former one is dead.
  if (before?.card && before.card.host !== content.host) {
    const seconds = before.card.heartbeat * 1.5 + 1;
    waiting(Math.ceil(seconds), before.card.host);
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      await sleep(Math.min(1_000, Math.max(0, until - performance.now())));
      const now = await findCard(ledger, content.name);
      if (now && now.commit !== before.commit) {
        throw new DstackError(
          'runner-name-taken',
          `a runner named ${content.name} is alive on ${before.card.host}`,
          {
            hint: 'give this one another name: --name NAME, or `runner: {name: …}` in .dstackrc',
          },
        );
      }
      if (!now) break;
    }
    const now = await findCard(ledger, content.name);
    return putUpCard(ledger, content, now?.commit ?? null);
  }
  return inPlaceOfFormer(ledger, content, before?.commit ?? null);
}

/** A Git process of a killed runner may outlive it, and still push its card. */
async function inPlaceOfFormer(
  ledger: Ledger,
  content: CardContent,
  before: string | null,
): Promise<RunnerCard> {
  for (let tip = before, tries = 1; ; tries += 1) {
    try {
      return await putUpCard(ledger, content, tip);
    } catch (error) {
      if (!(error instanceof DstackError && error.code === 'runner-name-taken') || tries === 3) throw error;
      const now = await findCard(ledger, content.name);
      if (now && now.card?.host !== content.host) throw error;
      tip = now?.commit ?? null;
    }
  }
}
