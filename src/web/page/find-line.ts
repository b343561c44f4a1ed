import { linesOfPage } from '../answer-types.ts';

/**
 * The next line that fits, from a line on in one direction, and once around; null: there is none.
 * @param page reads a page of lines; what it resolves to may have been read before
 * @param from the line to begin behind, or -1: with the first one
 */
export async function findLine(
  total: number,
  page: (number: number) => Promise<readonly string[]>,
  from: number,
  direction: 1 | -1,
  fits: (line: string) => boolean,
): Promise<number | null> {
  if (total === 0) return null;
  const pages = Math.ceil(total / linesOfPage);
  const begin = (((from + direction) % total) + total) % total;
  const first = Math.floor(begin / linesOfPage);
  // The page where it began once more, for what lies before that line.
  for (let step = 0; step <= pages; step += 1) {
    const number = (((first + direction * step) % pages) + pages) % pages;
    const lines = await page(number);
    const ahead = (at: number) => (direction === 1 ? at >= begin : at <= begin);
    const numbers = lines.map((_, index) => number * linesOfPage + index);
    if (direction === -1) numbers.reverse();
    const found = numbers.find(
      (at) =>
        (step === 0 ? ahead(at) : step === pages ? !ahead(at) : true) &&
        fits(lines[at - number * linesOfPage] as string),
    );
    if (found !== undefined) return found;
  }
  return null;
}
