import { allot, shareOf } from '../ledger/allotments.ts';
import { fitsOn, hasRoomFor, type Member } from '../ledger/fleet.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { compareStandings, type Standing } from '../ledger/queue-order.ts';
import { firstFor, placeAmong, weightOf } from './candidates.ts';
import { compareSizes, sizeFor } from './machine-size.ts';

/** Jobs submitted within this time of each other are taken for equally old, so that not all run at the same one; milliseconds. */
export const alikeFor = 5_000;
/** So many that could be begun are weighed at a look; there are more than enough in them. */
const weighed = 200;
/** And so many for which there is no room: of those only the first ones matter. */
const weighedBlocked = 20;

/** A job that fits this runner and could be executed. */
export interface Opening extends Standing {
  /** `run/job`. */
  readonly key: string;
  readonly spec: QueueEntry['job']['spec'];
  /** There is room for it here now. */
  readonly hasRoom: boolean;
  /** Milliseconds for which it could have been executed, as far as this runner knows. */
  readonly waited: number;
  /** For reasons of its own this runner doesn't try it now. */
  readonly heldBack: boolean;
}

/** An opening in its place. */
export interface Candidate<O extends Opening> {
  readonly opening: O;
  /** How many runners are to go at it before this one. */
  readonly place: number;
  /** A smaller machine has room for it. */
  readonly suitsSmaller: boolean;
  /** It comes after the job that room is kept for. */
  readonly afterKept: boolean;
}

export interface LineUp<O extends Opening> {
  /** In the order in which they are tried. */
  readonly candidates: readonly Candidate<O>[];
  /** What this runner keeps room for. */
  readonly kept: O | null;
}

/**
 * Puts what could be executed in the order in which one runner tries it: by priority, then by age, and of those that
 * are alike in that first those at which it is the first of all runners that have room. Pure; every runner comes to its
 * own line-up, and together they do not run at one job, as far as they see the same.
 * @param self this runner, of which `others` are told apart by their names
 * @param idle names of others that are not reckoned with: they leave alone what they have room for
 * @param patience milliseconds after which room is kept for a job that finds none
 * @param keptBefore what this runner has kept room for until now: if that is enough now, it is for nobody who is only alike
 */
export function lineUp<O extends Opening>(
  openings: readonly O[],
  self: Member,
  others: readonly Member[],
  idle: ReadonlySet<string>,
  patience: number,
  keptBefore: string | null = null,
): LineUp<O> {
  const sorted = [...openings].sort(compareStandings);
  const kept = sorted.find((opening) => isKeptFor(opening, self, others, patience)) ?? null;
  const blocked = sorted.filter(({ hasRoom }) => !hasRoom).slice(0, weighedBlocked);
  const busy = others.filter(({ name }) => !idle.has(name));
  const weighable = sorted.filter((one) => one.hasRoom || one === kept || blocked.includes(one));
  const rivalsFor = rivals(self, busy);
  const rivalsOf = new Map(weighable.map((opening) => [opening, rivalsFor(opening)]));
  const candidates: Candidate<O>[] = [];
  for (const group of groupsOf(weighable)) {
    if (candidates.length >= weighed) break;
    const due = group.find(({ key, hasRoom }) => hasRoom && key === keptBefore);
    if (due) candidates.push({ opening: due, place: 0, suitsSmaller: false, afterKept: false });
    candidates.push(
      ...firstFor(self.name, group, ({ key }) => key, weighed)
        .filter((opening) => opening !== due)
        .map((opening) => {
          const { smaller = 0, load = new Map() } = rivalsOf.get(opening) ?? {};
          return {
            opening,
            place: smaller + placeAmong(load, self.name, opening.key),
            suitsSmaller: smaller > 0,
            afterKept: kept !== null && opening !== kept && compareStandings(kept, opening) <= 0,
          };
        })
        .sort((a, b) => a.place - b.place),
    );
  }
  return { candidates, kept };
}

/**
 * Is room to be kept here for a job that finds none? One runner does so at first, always the same while the fleet is:
 * the smallest on which it fits, and of equals the first by the hash. Since that one may have a job that takes long,
 * the next one does so after four times as long, and so on. Whoever keeps room waits for nobody but the end of what it
 * has, so there is nothing to deadlock; and it keeps it for one job at a time, the first in the order.
 */
function isKeptFor(
  { key, spec, hasRoom, waited, heldBack }: Opening,
  self: Member,
  others: readonly Member[],
  patience: number,
): boolean {
  if (hasRoom || heldBack || waited < patience) return false;
  const own = { size: sizeFor(spec, self), weight: weightOf(self.name, key) };
  const before = others.filter((other) => {
    if (!fitsOn(other, spec)) return false;
    const difference = compareSizes(sizeFor(spec, other), own.size);
    return difference < 0 || (difference === 0 && weightOf(other.name, key) < own.weight);
  }).length;
  return waited >= patience * 4 ** before;
}

/** May this begin on the runner while that keeps room for another: would there be room for both? */
export function fitsBeside(kept: Pick<Opening, 'spec'>, spec: Opening['spec'], self: Member): boolean {
  if (self.load + 2 > self.concurrency) return false;
  const taken = [...self.taken, shareOf(self.stock, self.taken, kept.spec)];
  return !('lacking' in allot(self.stock, taken, spec));
}

/** Those that are equally important and, nearly, equally old, together; in order. */
function groupsOf<O extends Opening>(sorted: readonly O[]): O[][] {
  const groups: O[][] = [];
  for (const opening of sorted) {
    const group = groups.at(-1);
    const [oldest] = group ?? [];
    if (group && oldest?.priority === opening.priority && opening.since - oldest.since <= alikeFor)
      group.push(opening);
    else groups.push([opening]);
  }
  return groups;
}

/** The names of runners that have room for any of these. */
export function thoseWithRoom(openings: readonly Opening[], others: readonly Member[]): string[] {
  const different = [...new Map(openings.map((opening) => [needsOf(opening), opening])).values()];
  return others
    .filter((other) => different.some(({ spec }) => hasRoomFor(other, spec)))
    .map(({ name }) => name);
}

/** What is the same for all jobs that fit on the same runners; the cells of a matrix are such. */
function needsOf({ spec }: Opening): string {
  const { labels, resources, image, secrets, workflow, access } = spec;
  return JSON.stringify([labels, resources, image === null, secrets, workflow, access]);
}

interface Rivals {
  /** How many smaller machines have room for it. */
  readonly smaller: number;
  /** The load of those that are as large, this one among them. */
  readonly load: ReadonlyMap<string, number>;
}

/**
 * Tells with whom this runner is up for a job: those that have room for it, by how large their machines are. To be
 * asked in the order of the queue: smaller machines are reckoned with for as many jobs as they have hands free.
 */
function rivals(self: Member, others: readonly Member[]): (opening: Opening) => Rivals {
  const known = new Map<string, Rivals & { readonly hands: number; readonly names: string }>();
  const left = new Map<string, number>();
  const find = ({ spec }: Opening) => {
    const own = sizeFor(spec, self);
    const load = new Map([[self.name, self.load]]);
    const smaller: Member[] = [];
    for (const other of others) {
      if (!hasRoomFor(other, spec)) continue;
      const difference = compareSizes(sizeFor(spec, other), own);
      if (difference < 0) smaller.push(other);
      else if (difference === 0) load.set(other.name, other.load);
    }
    const hands = smaller.reduce((sum, one) => sum + one.concurrency - one.load, 0);
    return { smaller: smaller.length, load, hands, names: smaller.map(({ name }) => name).join('/') };
  };
  return (opening) => {
    const needs = needsOf(opening);
    const found = known.get(needs) ?? find(opening);
    known.set(needs, found);
    if (found.smaller === 0) return found;
    const hands = left.get(found.names) ?? found.hands;
    left.set(found.names, hands - 1);
    return hands > 0 ? found : { ...found, smaller: 0 };
  };
}
