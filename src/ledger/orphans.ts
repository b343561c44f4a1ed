import type { Ledger } from './ledger.ts';
import type { Live } from './live.ts';
import { jobName } from './refs.ts';

/** Seconds after which what belongs to no run is taken for what somebody who was cut off has left. */
const patience = 24 * 60 * 60;

/**
 * Removes what those have left behind who were cut off: queue entries whose run never came, or is another's of that
 * name, and leases and stops beside neither queue entry nor outcome. Each must have stood unchanged for a day by the
 * observer's own monotonic clock, so this is for who runs for long; one that starts anew begins to count anew. Whoever
 * is slower than that with the rest of a submission creates its queue entries again.
 * @param after seconds
 * @returns what to call with each look; it resolves to how much was removed
 */
export function watchForOrphans(ledger: Ledger, after: number = patience): (live: Live) => Promise<number> {
  const { shared, names, clock } = ledger;
  let seen = new Map<string, { commit: string; since: number }>();
  /** Queue entries whose runs are there. */
  let vouched = new Set<string>();

  return async (live) => {
    const now = clock.monotonic();
    const next: typeof seen = new Map();
    const old = suspects(ledger, live).filter(({ ref, commit }) => {
      const before = seen.get(ref);
      const since = before?.commit === commit ? before.since : now;
      next.set(ref, { commit, since });
      return now - since >= after && !vouched.has(commit);
    });
    seen = next;
    vouched = new Set([...live.queue.values()].map(({ commit }) => commit).filter((id) => vouched.has(id)));
    if (old.length === 0) return 0;
    const runs = await shared.tips(old.flatMap(({ run }) => (run === null ? [] : [names.run(run.name)])));
    let removed = 0;
    for (const { ref, commit, run } of old) {
      if (run !== null && runs.get(names.run(run.name)) === run.commit) vouched.add(commit);
      else if ((await shared.push([{ ref, from: commit, to: null }])).ok) removed += 1;
    }
    return removed;
  };
}

interface Suspect {
  readonly ref: string;
  readonly commit: string;
  /** The run that a queue entry is of; null: it is no queue entry. */
  readonly run: { readonly name: string; readonly commit: string } | null;
}

function suspects({ names }: Ledger, live: Live): Suspect[] {
  // What a newer version has written may well be there, though it can't be read here.
  const isSaidOf = (key: string) =>
    live.queue.has(key) ||
    live.finished.has(key) ||
    (['queue', 'jobs'] as const).some((area) => live.problems.has(`${names.area(area)}/${key}`));
  const entries = [...live.queue.values()].map(({ id, commit, runCommit }) => ({
    ref: names.job('queue', id),
    commit,
    run: { name: id.run, commit: runCommit },
    key: jobName(id),
  }));
  const beside = (area: 'claims' | 'stops', tips: Iterable<[string, { commit: string }]>) =>
    [...tips]
      .filter(([key]) => !isSaidOf(key))
      .map(([key, { commit }]) => ({ ref: `${names.area(area)}/${key}`, commit, run: null }));
  return [
    // Claimed or not: whoever has it finds that there is no such run, and gives it back.
    ...entries.filter(({ key }) => live.claims.get(key)?.kind !== 'finished'),
    ...beside(
      'claims',
      [...live.claims].filter(([, tip]) => tip.kind === 'claim'),
    ),
    ...beside('stops', live.stops),
  ];
}
