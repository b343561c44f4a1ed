import type { Ledger } from '../ledger/ledger.ts';
import type { Live } from '../ledger/live.ts';

/** So long the list of who is there does; milliseconds. It only orders who goes first. */
const listedFor = 2_000;

/**
 * Tells how many claims each runner that has a card holds, by name.
 * @param self this runner's name, which is always among them
 */
export function watchFleetLoad(
  { shared, names }: Ledger,
  self: string,
  now: () => number = () => performance.now(),
): (live: Pick<Live, 'claims'>, ownJobs: number) => Promise<Map<string, number>> {
  let runners: readonly string[] = [];
  let listedAt = Number.NEGATIVE_INFINITY;
  return async (live, ownJobs) => {
    if (now() - listedAt > listedFor) {
      const refs = await shared.list([names.area('runners')]);
      runners = [...refs.keys()].flatMap((ref) => {
        const parsed = names.parse(ref);
        return parsed?.area === 'runners' ? [parsed.name] : [];
      });
      listedAt = now();
    }
    const load = new Map(runners.map((name) => [name, 0]));
    for (const tip of live.claims.values()) {
      if (tip.kind !== 'claim' || tip.claim.state === 'waiting') continue;
      const jobs = load.get(tip.claim.runner);
      if (jobs !== undefined) load.set(tip.claim.runner, jobs + 1);
    }
    return load.set(self, ownJobs);
  };
}
