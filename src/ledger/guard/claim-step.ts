import type { ClaimFile, RecordFile } from '../formats.ts';

/**
 * Is this a step that a claim may take? Null if it is, else why not. Whether a lease had run out is nothing that a server
 * can know: it is known to whoever has watched it.
 * @param before null: there was none
 */
export function stepFault(before: ClaimFile | null, next: ClaimFile): string | null {
  if (before === null) {
    const isFresh = next.artifacts === null && next.givenBack === undefined;
    return next.attempt === 1 && next.lost === 0 && next.state === 'claimed' && isFresh
      ? null
      : 'a claim begins as claimed, with the first attempt';
  }
  const sameHolder = next.instance === before.instance && next.runner === before.runner;
  if (next.attempt === before.attempt + 1) {
    if (next.state !== 'claimed') return 'an attempt begins as claimed';
    if (next.givenBack !== before.givenBack) return miscounted;
    const lost = before.lost + (before.state === 'waiting' ? 0 : 1);
    return next.lost === lost ? null : 'it miscounts the runners that were lost';
  }
  if (before.state === 'waiting') return 'it waits for the next attempt, and for nothing else';
  if (!sameHolder) return `it is ${before.runner}'s`;
  if (next.queue !== before.queue || next.lost !== before.lost || next.claimedAt !== before.claimedAt)
    return 'its holder may not change what it is a claim on, since when, and after how many';
  if (next.givenBack !== before.givenBack) {
    const once = next.givenBack === (before.givenBack ?? 0) + 1 && next.attempt === before.attempt;
    return once && next.state === 'waiting' ? null : miscounted;
  }
  if (next.attempt === before.attempt) return null;
  const withdrawn = next.state === 'waiting' && next.attempt === before.attempt - 1;
  return withdrawn ? null : 'attempts are counted one by one';
}

const miscounted = 'it miscounts the attempts that were given back';

/** Is this how the holder of a lease may end it? */
export function endFault(before: ClaimFile | null, record: RecordFile): string | null {
  if (before === null) return 'nobody has it';
  if (before.state === 'waiting') return 'nobody has it: it waits for another attempt';
  const same =
    record.runner === before.runner &&
    record.attempt === before.attempt &&
    record.claimedAt === before.claimedAt;
  if (!same) return `it is ${before.runner}'s, in attempt ${before.attempt}`;
  return record.queue === before.queue ? null : 'it is of another queue entry';
}
