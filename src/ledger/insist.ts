import { DstackError } from '../errors.ts';
import type { TransferFailure } from '../git/transfer-failure.ts';
import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import { unreachable } from './shared-repository.ts';

const final: ReadonlySet<TransferFailure['code']> = new Set([
  'refused-by-hook',
  'refused-by-host',
  'name-conflict',
  'read-only',
  'shallow',
]);

/** Is it a refusal that stays as it is, however often one tries? */
export function isFinalRefusal({ code }: TransferFailure): boolean {
  return final.has(code);
}

/**
 * When to give up a swap that a person waits for: after four tries, or at once at a refusal that stays. It throws then,
 * since the person has to hear why.
 * @param what what has not come about, a sentence
 * @throws DstackError with the reason that the other side has given
 */
export function insist(
  ledger: Ledger,
  what: string,
): (attempt: number, problem: unknown) => Promise<boolean> {
  const wait = backOff(ledger.clock, 4);
  return async (attempt, problem) => {
    const failure = problem && !(problem instanceof Error) ? (problem as TransferFailure) : null;
    if (!(failure && isFinalRefusal(failure)) && !(await wait(attempt))) return false;
    const error = failure ? unreachable(ledger.shared.location, failure) : problem;
    if (!(error instanceof DstackError)) throw error;
    throw new DstackError(error.code, `${what}: ${error.message}`, { hint: error.hint ?? 'try again' });
  };
}
