import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type FoldLimits, usualLimits } from '../ledger/archive/choose-runs.ts';
import { fold } from '../ledger/archive/fold.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { placeAmong } from './candidates.ts';

/** Milliseconds between two looks at how many refs finished runs have; on another machine they cost a fetch. */
const intervalMs = { near: 20_000, far: 120_000 };

const longestMs = 3_600_000;

/**
 * Archives finished runs as they become many. Of all runners that have a card one does it, always the same: it has
 * what it archived before, and two at once would be in each other's way.
 * @param shortest milliseconds between two looks
 */
export function keepFolded(
  ledger: Ledger,
  { name, log }: { name: string; log: Pick<Logger, 'info' | 'warn'> },
  shortest: number = ledger.shared.path === null ? intervalMs.far : intervalMs.near,
  limits: FoldLimits = usualLimits,
): { stop(): Promise<void> } {
  const { shared, names } = ledger;
  const stopping = new AbortController();
  const isFirst = async (): Promise<boolean> => {
    const load = new Map<string, number>();
    for (const ref of (await shared.list([names.area('runners')])).keys()) {
      const parsed = names.parse(ref);
      if (parsed?.area === 'runners') load.set(parsed.name, 0);
    }
    return placeAmong(load, name, 'archive') === 0;
  };
  const work = (async () => {
    let interval = shortest;
    for (;;) {
      await sleep(interval * (0.75 + Math.random() / 2), undefined, { signal: stopping.signal, ref: false });
      // Where it is refused it will be again.
      interval = Math.min(2 * interval, longestMs);
      try {
        const folded = (await isFirst()) ? await fold(ledger, limits) : 0;
        if (folded) log.info({ runs: folded }, 'archived');
        if (folded !== null) interval = shortest;
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'finished runs were not archived');
      }
    }
  })().catch(() => {});
  return {
    stop() {
      stopping.abort();
      return work;
    },
  };
}
