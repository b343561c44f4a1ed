import { cellWidth } from './cell-width.ts';

let graphemes: Intl.Segmenter | undefined;

/**
 * Cuts `text`, which has no control characters, to at most `width` terminal columns, the last of them `ellipsis`.
 * Wide characters count as two and are never halved. (cli-truncate 5.2 lets them stand out by one column.)
 */
export function truncate(text: string, width: number, ellipsis = '…'): string {
  if (width <= 0) return '';
  // A UTF-16 unit takes at most two columns, so most texts need not be measured.
  if (text.length * 2 <= width || cellWidth(text) <= width) return text;
  let left = width - cellWidth(ellipsis);
  let cut = '';
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  for (const { segment } of graphemes.segment(text)) {
    left -= cellWidth(segment);
    if (left < 0) break;
    cut += segment;
  }
  return cut + ellipsis;
}

/** `text` in exactly `width` terminal columns: cut, or filled with spaces. */
export function fit(text: string, width: number, ellipsis = '…'): string {
  const cut = truncate(text, width, ellipsis);
  return cut + ' '.repeat(Math.max(0, width - cellWidth(cut)));
}
