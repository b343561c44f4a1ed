import type { TransferFailure } from '../../git/transfer-failure.ts';
import { backOff } from '../back-off.ts';
import { compareAndSwap } from '../compare-and-swap.ts';
import { formatVersion, parseFile, printFile, seenSchema } from '../formats.ts';
import { type Ledger, signature } from '../ledger.ts';
import { readFile } from '../live.ts';
import { unreachable } from '../shared-repository.ts';
import type { Seen } from './moves.ts';

/** What is written at `triggers/seen`, and as which commit. */
export interface SeenTip {
  readonly commit: string;
  readonly seen: Seen;
}

/** @returns null if nobody has looked yet. @throws DstackError `unknown-format`, `bad-object`, `unreachable` */
export async function readSeen(ledger: Ledger): Promise<SeenTip | null> {
  const { shared, names } = ledger;
  const commit = (await shared.list([names.area('triggers')])).get(names.seen);
  if (commit === undefined) return null;
  const { format, nonce, ...seen } = parseFile(
    seenSchema,
    names.seen,
    await readFile(ledger, commit, 'seen.json'),
  );
  return { commit, seen };
}

/**
 * Puts something else in its place, if nobody else has meanwhile. Without history: whoever polls gets it as a whole.
 * @returns the new tip; null: somebody has, and it has to be read again
 * @throws DstackError why it is not known whether that has succeeded
 */
export async function swapSeen(ledger: Ledger, before: SeenTip | null, seen: Seen): Promise<SeenTip | null> {
  const { shared, names, clock } = ledger;
  const content = printFile({ format: formatVersion, nonce: clock.id(), ...seen });
  const input = {
    parents: [],
    files: [{ path: 'seen.json', content }],
    message: `Pushes up to here have been dealt with\n\nDstack-Format: ${formatVersion}\n`,
    author: signature(ledger),
  };
  const [commit] = (await shared.write([input])) as [string];
  const update = { ref: names.seen, from: before?.commit ?? null, to: commit };
  const wait = backOff(clock, 3);
  let problem: unknown;
  const result = await compareAndSwap(shared, update, new Set([commit]), (attempt, error) => {
    problem = error;
    return wait(attempt);
  });
  if (result === 'won') return { commit, seen };
  if (result === 'lost') return null;
  throw problem instanceof Error ? problem : unreachable(shared.location, problem as TransferFailure);
}
