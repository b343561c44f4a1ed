import type { Allotment } from '../ledger/allotments.ts';
import { alikeFor, type Candidate, fitsBeside } from './line-up.ts';
import type { Offer, Way } from './openings.ts';
import type { Room } from './room.ts';

/** What has waited for so long is not passed over for what is younger, even if others are to have it; milliseconds. */
const longWait = 10_000;

/** Whoever goes through an offer. What it says may change with each job that is begun. */
export interface Taker {
  /** It has a hand free, and may take something. */
  mayBegin(): boolean;
  isHeld(key: string): boolean;
  readonly room: Room;
  /** Milliseconds for which it leaves the job alone for reasons of its own. */
  heldBack(key: string): number;
  /** Milliseconds until it is its turn among its equals. */
  turnOf(candidate: Candidate<Way>): number;
  /** Milliseconds for which smaller machines come before it. */
  headStartOf(candidate: Candidate<Way>): number;
  begin(way: Way, share: Allotment): void;
}

/**
 * Begins what there is room for, in order; what has been begun is taken out of the offer.
 * @returns milliseconds until it may be the turn of something else
 */
export function goThrough(offer: Offer, taker: Taker): number {
  let dueIn = Number.POSITIVE_INFINITY;
  // What waits here for its turn, which takes moments: what comes after it by priority must not have its place meanwhile,
  // nor what is younger, if that would happen to it again and again.
  let priority = Number.NEGATIVE_INFINITY;
  let since = Number.POSITIVE_INFINITY;
  for (const candidate of [...offer.candidates]) {
    if (!taker.mayBegin()) break;
    const { opening } = candidate;
    const { key, spec, action } = opening;
    const { useCache, cacheKey } = action.entry.job;
    if (taker.isHeld(key) || (useCache && cacheKey !== null && offer.begun.has(cacheKey))) continue;
    const share = taker.room.free(spec);
    if ('lacking' in share || opening.priority < priority || opening.since > since + alikeFor) continue;
    if (candidate.afterKept && offer.kept && !fitsBeside(offer.kept, spec, taker.room.self())) continue;
    const pause = taker.heldBack(key);
    const headStart = pause > 0 ? 0 : taker.headStartOf(candidate);
    const turn = pause > 0 ? 0 : taker.turnOf(candidate);
    if (headStart > 0 || turn > 0) priority = Math.max(priority, opening.priority);
    if (turn > 0 && opening.waited > longWait) since = Math.min(since, opening.since);
    const wait = Math.max(pause, headStart, turn);
    if (wait > 0) {
      dueIn = Math.min(dueIn, wait);
      continue;
    }
    offer.candidates.splice(offer.candidates.indexOf(candidate), 1);
    if (cacheKey !== null) offer.begun.add(cacheKey);
    taker.begin(opening, share);
  }
  return dueIn;
}
