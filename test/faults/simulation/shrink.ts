import { type History, simulate } from './simulate.ts';

export interface Shrunk {
  /** The shortest list of misfortunes found with which it still fails, in order. */
  readonly misfortunes: readonly string[];
  readonly history: History;
}

/**
 * Delta debugging (ddmin: Zeller and Hildebrandt 2002): leaves out misfortunes of a history that violates something,
 * until none can be left out.
 * @returns null if the history of this seed violates nothing
 */
export async function shrink(seed: number): Promise<Shrunk | null> {
  const first = await simulate({ seed });
  if (first.violations.length === 0) return null;
  const fails = async (ids: readonly string[]) =>
    (await simulate({ seed, only: new Set(ids) })).violations.length > 0;
  const misfortunes = await minimize(
    first.struck.map(({ id }) => id),
    fails,
  );
  return { misfortunes, history: await simulate({ seed, only: new Set(misfortunes), logs: true }) };
}

/** A part of `all` that still fails, though it would not if any one of it were left out. */
export async function minimize<T>(
  all: readonly T[],
  fails: (part: readonly T[]) => Promise<boolean>,
): Promise<T[]> {
  let left = [...all];
  let parts = 2;
  while (left.length > 0) {
    const size = Math.ceil(left.length / parts);
    let shorter: T[] | null = null;
    for (let start = 0; start < left.length && shorter === null; start += size) {
      const rest = [...left.slice(0, start), ...left.slice(start + size)];
      if (await fails(rest)) shorter = rest;
    }
    if (shorter) {
      left = shorter;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) {
      break;
    } else {
      parts = Math.min(left.length, parts * 2);
    }
  }
  return left;
}
