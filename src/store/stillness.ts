import { stampOf } from './known-files.ts';
import type { Found } from './walk-artifacts.ts';

/** What has grown at look after look for so long is being appended to, and will never keep still; milliseconds. */
const growsFor = 60_000;
/** What has not changed for so long does not grow any more; milliseconds. */
const restsFor = 10_000;

interface Seen {
  readonly state: string;
  readonly id: string;
  readonly size: number;
  readonly changedAt: number;
  readonly growingSince: number | null;
}

/** Tells of a folder in which somebody works what may just be half written. */
export interface Stillness {
  /**
   * Takes a look, to be followed by another one a moment later.
   * @param at monotonic milliseconds
   * @returns `changing`: the paths at which something has changed since the look before, at the first look all of them;
   *   `growing`: those of what is only being appended to, a log, whose beginning is as good as all of it
   */
  look(found: readonly Found[], at: number): { changing: string[]; growing: ReadonlySet<string> };
}

/** @param forMs what has grown for so long is a log; milliseconds */
export function watchStillness(forMs = growsFor): Stillness {
  let last = new Map<string, Seen>();
  return {
    look(found, at) {
      const now = new Map(found.map((one) => [one.path, seen(one, last.get(one.path), at)]));
      const growing = new Set<string>();
      const changing: string[] = [];
      for (const [path, { state, growingSince }] of now) {
        if (growingSince !== null && at - growingSince >= forMs) growing.add(path);
        else if (last.get(path)?.state !== state) changing.push(path);
      }
      changing.push(...[...last.keys()].filter((path) => !now.has(path)));
      last = now;
      return { changing, growing };
    },
  };
}

/**
 * Has nothing changed between two looks, but for what grows? What is the same in both was there at once when the first
 * one had ended.
 */
export function isSame(
  before: readonly Found[],
  after: readonly Found[],
  growing: ReadonlySet<string>,
): boolean {
  const states = new Map(before.map((one) => [one.path, stateOf(one)]));
  const isAsBefore = (one: Found) =>
    growing.has(one.path) ? states.has(one.path) : states.get(one.path) === stateOf(one);
  return before.length === after.length && after.every(isAsBefore);
}

function stateOf(one: Found): string {
  if (one.type === 'file') return `file ${stampOf(one.stats)}`;
  return one.type === 'link' ? `link ${one.target}` : 'folder';
}

function seen(one: Found, before: Seen | undefined, at: number): Seen {
  const state = stateOf(one);
  const [id, size] = one.type === 'file' ? [`${one.stats.dev} ${one.stats.ino}`, one.size] : ['', 0];
  if (before?.state === state) {
    const rests = at - before.changedAt > restsFor;
    return rests ? { ...before, growingSince: null } : before;
  }
  const grew = before !== undefined && before.id === id && size > before.size;
  return { state, id, size, changedAt: at, growingSince: grew ? (before.growingSince ?? at) : null };
}
