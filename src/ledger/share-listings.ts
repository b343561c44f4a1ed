import { inTime } from './in-time.ts';
import type { SharedRepository } from './shared-repository.ts';

type List = SharedRepository['list'];

interface Waiting {
  readonly prefixes: readonly string[];
  readonly limit: number | undefined;
  resolve(refs: ReadonlyMap<string, string>): void;
  reject(error: unknown): void;
}

/**
 * Makes listings that are asked for while one is under way share the next one, which begins when that one has ended.
 * What a listing shows is thus never older than the call.
 * @param location of what is listed, for people
 */
export function shareListings(location: string, list: List): List {
  let waiting: Waiting[] = [];
  let isUnderWay = false;

  const runNext = async (): Promise<void> => {
    const together = waiting;
    waiting = [];
    if (together.length === 0) return;
    isUnderWay = true;
    const prefixes = [...new Set(together.flatMap((one) => one.prefixes))];
    const limits = together.map(({ limit }) => limit ?? Number.POSITIVE_INFINITY);
    const limit = Math.max(...limits);
    try {
      const refs = await list(prefixes, Number.isFinite(limit) ? { limit } : {});
      for (const one of together) one.resolve(together.length === 1 ? refs : partOf(refs, one.prefixes));
    } catch (error) {
      for (const one of together) one.reject(error);
    }
    isUnderWay = false;
    void runNext();
  };

  const ask = (prefixes: readonly string[], limit: number | undefined) =>
    new Promise<ReadonlyMap<string, string>>((resolve, reject) => {
      waiting.push({ prefixes, limit, resolve, reject });
      if (!isUnderWay) void runNext();
    });

  return (prefixes, { limit } = {}) =>
    limit === undefined ? ask(prefixes, limit) : inTime(limit, location, (left) => ask(prefixes, left()));
}

/** The refs at or below any of the prefixes. */
function partOf(refs: ReadonlyMap<string, string>, prefixes: readonly string[]): Map<string, string> {
  const below = prefixes.map((prefix) => `${prefix.replace(/\/$/, '')}/`);
  const part = new Map<string, string>();
  for (const [ref, id] of refs) {
    if (below.some((prefix) => `${ref}/`.startsWith(prefix))) part.set(ref, id);
  }
  return part;
}
