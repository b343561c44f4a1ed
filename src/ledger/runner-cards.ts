import { DstackError } from '../errors.ts';
import type { TransferFailure } from '../git/transfer-failure.ts';
import { backOff } from './back-off.ts';
import { timeOf } from './clock.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import { formatVersion, parseFile, printFile, type RunnerFile, runnerSchema } from './formats.ts';
import { type Ledger, signature } from './ledger.ts';
import { readFile } from './live.ts';
import { unreachable } from './shared-repository.ts';
import { watchSilence } from './silence.ts';

export type CardContent = Omit<RunnerFile, 'format' | 'nonce' | 'seenAt'>;

/** A runner's place in the list of runners, for as long as it lives. */
export interface RunnerCard {
  /** Says that it lives, and what has changed. `replaced`: another runner has taken the name. */
  update(content: CardContent): Promise<'ok' | 'replaced' | 'unknown'>;
  remove(): Promise<void>;
}

/** The card that is there under this name, with the object it was read from. */
export async function findCard(
  ledger: Ledger,
  name: string,
): Promise<{ commit: string; card: RunnerFile | null } | null> {
  const ref = ledger.names.runner(name);
  const commit = (await ledger.shared.list([ref])).get(ref);
  if (!commit) return null;
  const card = await readFile(ledger, commit, 'runner.json')
    .then((content) => parseFile(runnerSchema, 'runner.json', content))
    .catch(() => null);
  return { commit, card };
}

/**
 * Puts up a card in the place of `before` (null: there was none).
 * @throws DstackError `runner-name-taken` if somebody else was quicker, `unreachable` and the like if it can't be pushed
 */
export async function putUpCard(
  ledger: Ledger,
  content: CardContent,
  before: string | null,
): Promise<RunnerCard> {
  const { shared, names } = ledger;
  const ref = names.runner(content.name);
  const mine = new Set<string>();
  let tip = before;
  const write = async (next: CardContent): Promise<string> => {
    const card: RunnerFile = {
      format: formatVersion,
      ...next,
      seenAt: timeOf(ledger.clock),
      nonce: ledger.clock.id(),
    };
    const [commit] = await shared.write([
      {
        parents: [],
        files: [{ path: 'runner.json', content: printFile(card) }],
        message: `runner ${next.name}: ${next.jobs.length > 0 ? next.jobs.join(', ') : 'idle'}\n\nDstack-Format: ${formatVersion}\n`,
        author: signature(ledger),
      },
    ]);
    mine.add(commit as string);
    return commit as string;
  };
  let problem: unknown;
  const swapTo = async (to: string | null, tries: number) => {
    const giveUp = backOff(ledger.clock, tries);
    const result = await compareAndSwap(shared, { ref, from: tip, to }, mine, (attempt, error) => {
      problem = error;
      return giveUp(attempt);
    });
    if (result === 'won') tip = to;
    return result;
  };
  const first = await swapTo(await write(content), 4);
  if (first === 'lost') {
    throw new DstackError(
      'runner-name-taken',
      `another runner has just started under the name ${content.name}`,
      { hint: 'give one of them another name: --name NAME' },
    );
  }
  if (first === 'unknown') {
    throw problem instanceof Error ? problem : unreachable(shared.location, problem as TransferFailure);
  }
  return {
    async update(next) {
      let result = await swapTo(await write(next), 2);
      if (result === 'lost' && (await findCard(ledger, next.name)) === null) {
        // Somebody saw it stand still for long, while this machine slept perhaps, and took it down.
        tip = null;
        result = await swapTo(await write(next), 2);
      }
      return result === 'won' ? 'ok' : result === 'lost' ? 'replaced' : 'unknown';
    },
    async remove() {
      await swapTo(null, 3).catch(() => {});
    },
  };
}

/** So many heartbeats must be missed before others take a card down. */
const missedHeartbeats = 6;

/**
 * Takes down the cards of runners that were killed: those that have stood unchanged for long by one's own clock.
 * To be called now and then; each call is a look. A runner that lives after all puts its card up again.
 */
export function watchForDeadCards(ledger: Ledger): () => Promise<void> {
  const { shared, names, clock } = ledger;
  const silence = watchSilence();
  return async () => {
    const startedAt = clock.monotonic();
    try {
      const refs = await shared.list([names.area('runners')]);
      silence.observe(refs, startedAt, clock.monotonic());
      for (const [ref, commit] of refs) {
        const parsed = names.parse(ref);
        if (parsed?.area !== 'runners' || silence.silentFor(ref, commit) === 0) continue;
        const card = (await findCard(ledger, parsed.name))?.card;
        if (!card || silence.silentFor(ref, commit) < card.heartbeat * missedHeartbeats) continue;
        await shared.push([{ ref, from: commit, to: null }]);
      }
    } catch (error) {
      silence.forget();
      throw error;
    }
  };
}
