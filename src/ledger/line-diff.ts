/** Beyond this many comparisons the lines in the middle are shown as replaced as a whole. */
const mostComparisons = 250_000;

/**
 * The lines that were taken out, with a `-` before them, and put in, with a `+`; what is common is left out.
 * By their longest common subsequence.
 */
export function lineDiff(
  before: readonly string[],
  after: readonly string[],
  same: (before: string, after: string) => boolean,
): string[] {
  let start = 0;
  while (start < before.length && start < after.length && same(before[start]!, after[start]!)) start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    same(before[before.length - 1 - end]!, after[after.length - 1 - end]!)
  )
    end += 1;
  const old = before.slice(start, before.length - end);
  const now = after.slice(start, after.length - end);
  const out = (line: string) => `-${line}`;
  const put = (line: string) => `+${line}`;
  if (old.length * now.length > mostComparisons) return [...old.map(out), ...now.map(put)];
  const width = now.length + 1;
  /** Length of the longest common subsequence of what follows, by place. */
  const common = new Uint32Array((old.length + 1) * width);
  const equal = new Uint8Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      const place = i * width + j;
      equal[place] = same(old[i]!, now[j]!) ? 1 : 0;
      common[place] = equal[place]
        ? common[place + width + 1]! + 1
        : Math.max(common[place + width]!, common[place + 1]!);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const place = i * width + j;
    if (i < old.length && j < now.length && equal[place]) [i, j] = [i + 1, j + 1];
    else if (j === now.length || (i < old.length && common[place + width]! >= common[place + 1]!))
      lines.push(out(old[i++]!));
    else lines.push(put(now[j++]!));
  }
  return lines;
}
