import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';

/** Cuts `text` to at most `width` terminal columns, the last of them `ellipsis`. Wide characters count as two. */
export function truncate(text: string, width: number, ellipsis = '…'): string {
  if (width <= 0) return '';
  // A string has at most two columns for each UTF-16 unit, so most of them need not be measured.
  if (text.length * 2 <= width || stringWidth(text) <= width) return text;
  return cliTruncate(text, width, { truncationCharacter: ellipsis });
}

/** `text` in exactly `width` terminal columns: cut, or filled with spaces. */
export function fit(text: string, width: number, ellipsis = '…'): string {
  const cut = truncate(text, width, ellipsis);
  return cut + ' '.repeat(Math.max(0, width - stringWidth(cut)));
}
