import { retryReasons } from './job-spec.ts';
import { quoted } from './problems.ts';
import {
  type Reader,
  readList,
  readMap,
  readText,
  readValue,
  reportUnknownKeys,
  valueUnder,
} from './readers.ts';
import type { LocatedText } from './source.ts';

/** `retry` as written; the limit may still hold variables. */
export interface Retry {
  readonly limit: LocatedText | null;
  readonly on: readonly LocatedText[] | null;
}

/** A number of further attempts, or a map of `limit` and `on`. */
export const readRetry: Reader<Retry> = (tree, what, report) => {
  if (tree.kind === 'scalar') {
    const limit = readValue(tree, what, report);
    return limit && { limit, on: null };
  }
  const map = readMap(tree, what, report);
  if (!map) return null;
  reportUnknownKeys(map, what, ['limit', 'on'], report);
  const limit = valueUnder(map, 'limit');
  const on = valueUnder(map, 'on');
  return {
    limit: limit ? readValue(limit, `\`limit\` of ${what}`, report) : null,
    on: on ? readList(readReason)(on, `\`on\` of ${what}`, report) : null,
  };
};

const readReason: Reader<LocatedText> = (tree, what, report) => {
  const reason = readText(tree, what, report);
  if (!reason || (retryReasons as readonly string[]).includes(reason.text)) return reason;
  report({
    span: reason.span,
    message: `there is no reason ${quoted(reason.text)} to try again`,
    unknown: { word: reason.text, known: retryReasons },
  });
  return null;
};
