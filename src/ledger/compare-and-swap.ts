import type { RefUpdate } from '../git/push.ts';
import { noProgress } from '../git/transfer-failure.ts';
import type { SharedRepository } from './shared-repository.ts';

/** What became of a swap: `lost` only when another's object was seen there. */
export type SwapResult = 'won' | 'lost';

/** What to do about a ref after a push whose outcome is not known, from what it points at now. */
export function judgeTip(
  tip: string | null,
  update: { from: string | null; to: string | null },
  mine: ReadonlySet<string>,
): 'won' | 'lost' | { retryFrom: string | null } {
  if (tip === update.to) return 'won';
  if (tip === update.from) return { retryFrom: tip };
  if (tip !== null && mine.has(tip)) return { retryFrom: tip };
  return 'lost';
}

/**
 * Changes one ref by compare-and-swap, until it is known whether that succeeded: a push that fails tells nothing,
 * so the ref is read again. A tip that is any object I made is mine, and the new expected value.
 * @param mine ids of objects that only I can have put there
 * @param giveUp asked before each further try, with the last error; throw or return true to stop (then `unknown`)
 * @param limit milliseconds without a sign of progress after which a push is of no more use; a further try gets more,
 *   for a line may be slow and what is pushed long. Reading gets half of it
 */
export async function compareAndSwap(
  shared: SharedRepository,
  update: RefUpdate & { from: string | null },
  mine: ReadonlySet<string>,
  giveUp: (attempt: number, error: unknown) => boolean | Promise<boolean>,
  limit?: number,
): Promise<SwapResult | 'unknown'> {
  const listOptions = limit === undefined ? {} : { limit: limit / 2 };
  let from = update.from;
  let timesSilent = 0;
  for (let attempt = 1; ; attempt += 1) {
    let problem: unknown;
    const pushOptions = limit === undefined ? {} : { limit: limit * Math.min(3, 1 + timesSilent) };
    const outcome = await shared.push([{ ...update, from }], pushOptions).catch((error: unknown) => {
      problem = error;
      return null;
    });
    if (outcome?.ok) return 'won';
    problem ??= outcome?.failure;
    if (outcome?.failure.words.includes(noProgress)) timesSilent += 1;
    try {
      // What was not sent has changed nothing.
      if (!outcome?.failure.notSent) {
        const parent = update.ref.slice(0, update.ref.lastIndexOf('/'));
        const tip = (await shared.list([parent], listOptions)).get(update.ref) ?? null;
        const verdict = judgeTip(tip, { from, to: update.to }, mine);
        if (typeof verdict === 'string') return verdict;
        from = verdict.retryFrom;
      }
    } catch (error) {
      problem = error;
    }
    if (await giveUp(attempt, problem)) return 'unknown';
  }
}
