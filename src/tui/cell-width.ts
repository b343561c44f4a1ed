import stringWidth from 'string-width';

/**
 * What nearly all texts are made of, and takes one column each: printable ASCII, lines, blocks and shapes (as far as they
 * are no emoji), what spinners are made of, and some signs.
 */
const narrow = /^[ -~\u2500-\u25fc\u2800-\u28ff·×–—…→↑↓✓✔✖✗]*$/;
const colours = /\x1b\[[\d;]*m/g;

/**
 * How many columns a text takes on a terminal. What is narrow is only counted: string-width makes expressions for emoji
 * and a segmenter first, for which a process that has just begun takes 60 ms.
 */
export function cellWidth(text: string): number {
  const bare = text.includes('\x1b') ? text.replace(colours, '') : text;
  return narrow.test(bare) ? bare.length : stringWidth(text);
}

/** In the bundle in place of string-width, for packages that use that. */
export default cellWidth;
