import { type Allotment, allot, type Stock, shareOf, stockOf } from './allotments.ts';
import type { RunnerFile } from './formats.ts';
import type { Live } from './live.ts';
import { misfit, type Needs, type Offer } from './misfit.ts';

type Card = Offer & Pick<RunnerFile, 'name' | 'concurrency' | 'draining'>;

/** A runner as others see it: what its card says that it has, and what the claims say that it has taken. */
export interface Member extends Offer {
  readonly name: string;
  readonly concurrency: number;
  readonly stock: Stock;
  /** It takes no more. */
  readonly draining: boolean;
  /** How many jobs it has. */
  readonly load: number;
  /** What these have of its machine. */
  readonly taken: readonly Allotment[];
}

/** The runners that have these cards, with what they are doing. Pure. */
export function membersOf<C extends Card>(
  cards: Iterable<C>,
  live: Pick<Live, 'queue' | 'claims'>,
): (C & Member)[] {
  const held = new Map<string, Needs[]>();
  const load = new Map<string, number>();
  for (const [key, tip] of live.claims) {
    // A claim that waits for another attempt is nobody's, and one that has ended takes nothing.
    if (tip.kind !== 'claim' || tip.claim.state === 'waiting') continue;
    const { runner } = tip.claim;
    load.set(runner, (load.get(runner) ?? 0) + 1);
    const spec = live.queue.get(key)?.job.spec;
    if (spec) held.set(runner, [...(held.get(runner) ?? []), spec]);
  }
  return Array.from(cards, (card) => {
    const stock = stockOf(card.machine);
    const taken: Allotment[] = [];
    for (const needs of held.get(card.name) ?? []) {
      const share = allot(stock, taken, needs);
      // Which GPUs a job has is known to its runner alone; here it is how many that counts.
      taken.push('lacking' in share ? shareOf(stock, taken, needs) : share);
    }
    return { ...card, stock, load: load.get(card.name) ?? 0, taken };
  });
}

/** Could it ever take the job? */
export function fitsOn(member: Member, needs: Needs): boolean {
  return !member.draining && misfit(needs, member) === null;
}

/** Could it take the job now, as far as can be seen? */
export function hasRoomFor(member: Member, needs: Needs): boolean {
  return fitsOn(member, needs) && roomLacking(member, needs) === null;
}

/** What there is too little of now for a job that fits, as a clause about the job; null: it has room. */
export function roomLacking({ stock, taken, load, concurrency }: Member, needs: Needs): string | null {
  if (load >= concurrency) return `needs a free slot, of which it has ${concurrency}`;
  const share = allot(stock, taken, needs);
  return 'lacking' in share ? share.lacking : null;
}
