import type { PushOutcome, RefUpdate } from '../git/push.ts';
import type { SharedRepository } from './shared-repository.ts';

type Push = SharedRepository['push'];

interface Waiting {
  readonly updates: readonly RefUpdate[];
  readonly limit: number | undefined;
  resolve(outcome: PushOutcome): void;
  reject(error: unknown): void;
}

/** More refs don't go in one push, for its command line. */
const mostRefs = 200;

/** A push that takes longer, on a line that is slow or hangs, holds up no other one; milliseconds. */
const patience = 1_000;

/**
 * Makes pushes that are asked for while one is under way go together in the next one. Each hears what became of its own
 * refs. One that is to be atomic goes alone and at once.
 */
export function groupPushes(push: Push): Push {
  let waiting: Waiting[] = [];
  let underWay: symbol | null = null;

  const runNext = (): void => {
    if (underWay !== null || waiting.length === 0) return;
    const { together, rest } = nextGroup(waiting);
    waiting = rest;
    const mine = Symbol();
    underWay = mine;
    const goOn = () => {
      clearTimeout(timer);
      if (underWay !== mine) return;
      underWay = null;
      runNext();
    };
    const timer = setTimeout(goOn, patience);
    void pushTogether(push, together).finally(goOn);
  };

  return (updates, options = {}) => {
    if (options.atomic || updates.length === 0) return push(updates, options);
    return new Promise((resolve, reject) => {
      waiting.push({ updates, limit: options.limit, resolve, reject });
      // What others ask for in the same turn goes with it.
      setImmediate(runNext);
    });
  };
}

/** Those from the front that can go together: leased or not, all alike, and no ref twice. What shares a ref keeps its order. */
export function nextGroup<T extends Pick<Waiting, 'updates'>>(
  waiting: readonly T[],
): { together: T[]; rest: T[] } {
  const together: T[] = [];
  const rest: T[] = [];
  const refs = new Set<string>();
  let size = 0;
  for (const one of waiting) {
    const alike = isLeased(one) === isLeased(together[0] ?? one);
    const fits = together.length === 0 || size + one.updates.length <= mostRefs;
    const free = one.updates.every(({ ref }) => !refs.has(ref));
    for (const { ref } of one.updates) refs.add(ref);
    if (!(alike && fits && free)) {
      rest.push(one);
      continue;
    }
    together.push(one);
    size += one.updates.length;
  }
  return { together, rest };
}

function isLeased({ updates }: Pick<Waiting, 'updates'>): boolean {
  return updates[0]?.from !== undefined;
}

async function pushTogether(push: Push, group: readonly Waiting[]): Promise<void> {
  const limits = group.flatMap(({ limit }) => limit ?? []);
  try {
    const outcome = await push(
      group.flatMap(({ updates }) => updates),
      limits.length > 0 ? { limit: Math.min(...limits) } : {},
    );
    if (!outcome.ok && group.length > 1 && refusesAll(outcome)) {
      // It may be because of one of them.
      for (const one of group) await pushTogether(push, [one]);
      return;
    }
    for (const one of group) one.resolve(outcomeFor(one.updates, outcome));
  } catch (error) {
    for (const one of group) one.reject(error);
  }
}

/** Has a hook refused the push as a whole? */
function refusesAll(outcome: PushOutcome & { ok: false }): boolean {
  return outcome.failure.code === 'refused-by-hook' && (outcome.done?.size ?? 0) === 0;
}

/** What a push means for some of its updates. */
export function outcomeFor(updates: readonly RefUpdate[], outcome: PushOutcome): PushOutcome {
  if (outcome.ok || updates.every(({ ref }) => outcome.done?.has(ref))) return { ok: true };
  return outcome;
}
