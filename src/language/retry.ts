import { retryReasons } from './job-spec.ts';
import { retryCount } from './quantities.ts';
import { byKind, mapped, readKeys, readList, readQuantity, readWord, type Shape } from './readers.ts';
import type { LocatedText } from './source.ts';

/** `retry` as written; the limit may still hold variables. */
export interface Retry {
  readonly limit: LocatedText | null;
  readonly on: readonly LocatedText[] | null;
}

const readLimit = readQuantity(retryCount.schema);

/** A number of further attempts, or a map of `limit` and `on`. */
export const readRetry: Shape<Retry> = byKind<Retry>({
  scalar: mapped(readLimit, (limit) => ({ limit, on: null })),
  map: mapped(
    readKeys({ limit: readLimit, on: readList(readWord(retryReasons, 'reason for another attempt')) }),
    ({ limit = null, on = null }) => ({ limit, on }),
  ),
});
