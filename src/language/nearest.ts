/** Longer words are not worth a guess, and the distance costs the product of the lengths. */
const longestWord = 64;

/**
 * The candidate most like a mistyped word, or null when none is close (more than a third of it differs).
 * Case and `-` against `_` do not count.
 */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > longestWord) return null;
  const wanted = fold(word);
  let best: string | null = null;
  let limit = Math.max(1, Math.floor(wanted.length / 3));
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) > limit) continue;
    const found = distance(wanted, fold(candidate));
    if (found > limit || (best !== null && found === limit)) continue;
    // A word of one or two letters with a letter exchanged is another word, not a slip.
    if (found >= Math.max(wanted.length, candidate.length) - 1 && found > 0) continue;
    best = candidate;
    limit = found;
  }
  return best;
}

const fold = (word: string): string => word.toLowerCase().replaceAll('_', '-');

/** Edits (insert, delete, replace, exchange of neighbours) that make `a` into `b`. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
      }
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
