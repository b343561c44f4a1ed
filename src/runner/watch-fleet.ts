import { type Member, membersOf } from '../ledger/fleet.ts';
import { parseFile, type RunnerFile, runnerSchema } from '../ledger/formats.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Live, readFile } from '../ledger/live.ts';
import { watchSilence } from '../ledger/silence.ts';

/** So long the list of who is there does; milliseconds. It only orders who goes first. */
const listedFor = 2_000;

/** Whoever has missed so many heartbeats is not reckoned with. */
const missedHeartbeats = 3;

/** Who else there is. */
export interface Fleet {
  /** How many claims each runner that has a card holds, by name, this one among them. */
  readonly load: ReadonlyMap<string, number>;
  /** The others whose cards can be read and are renewed. */
  readonly others: readonly Member[];
}

/** @param self this runner's name */
export function watchFleet(
  ledger: Ledger,
  self: string,
  now: () => number = () => performance.now(),
): (live: Pick<Live, 'claims' | 'queue'>, ownJobs: number) => Promise<Fleet> {
  const { shared, names, clock } = ledger;
  const silence = watchSilence();
  let cards = new Map<string, { ref: string; commit: string; card: RunnerFile | null }>();
  let listedAt = Number.NEGATIVE_INFINITY;
  const list = async () => {
    const startedAt = clock.monotonic();
    const refs = await shared.list([names.area('runners')]);
    silence.observe(refs, startedAt, clock.monotonic());
    const next: typeof cards = new Map();
    for (const [ref, commit] of refs) {
      const parsed = names.parse(ref);
      if (parsed?.area !== 'runners') continue;
      const known = cards.get(parsed.name);
      const card = known?.commit === commit ? known.card : await readCard(ledger, commit);
      next.set(parsed.name, { ref, commit, card });
    }
    cards = next;
    listedAt = now();
  };
  return async (live, ownJobs) => {
    if (now() - listedAt > listedFor) {
      await list().catch((error: unknown) => {
        silence.forget();
        throw error;
      });
    }
    const load = new Map([...cards.keys()].map((name) => [name, 0]));
    for (const tip of live.claims.values()) {
      if (tip.kind !== 'claim' || tip.claim.state === 'waiting') continue;
      const jobs = load.get(tip.claim.runner);
      if (jobs !== undefined) load.set(tip.claim.runner, jobs + 1);
    }
    const present = [...cards].flatMap(([name, { ref, commit, card }]) =>
      card === null ||
      card.name !== name ||
      name === self ||
      silence.silentFor(ref, commit) > missedHeartbeats * card.heartbeat
        ? []
        : [card],
    );
    return { load: load.set(self, ownJobs), others: membersOf(present, live) };
  };
}

async function readCard(ledger: Ledger, commit: string): Promise<RunnerFile | null> {
  return readFile(ledger, commit, 'runner.json')
    .then((content) => parseFile(runnerSchema, 'runner.json', content))
    .catch(() => null);
}
