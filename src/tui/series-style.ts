import { brailleCharacter } from './canvas.ts';
import { type Colour, paint } from './colours.ts';
import { type Glyphs, unicodeGlyphs } from './glyphs.ts';

/** How the lines of a chart are told apart: by colour, by the characters that they are drawn with, or by both. */
export interface SeriesStyle {
  /** Lines are drawn in the fine dots of Braille; otherwise each in a character of its own. */
  readonly fine: boolean;
  /** A piece of a line. @param dots of the character, if it is fine */
  mark(series: number, dots: number): string;
  /** What stands beside a line's name, in its colour. */
  key(series: number): { readonly text: string; readonly style: Colour | undefined };
}

const colours: readonly Colour[] = ['cyan', 'yellow', 'magenta', 'green', 'blue', 'red'];
const asciiMarks = ['*', 'o', 'x', '+', '#', '@', '%', '&'];
const unicodeMarks = ['●', '○', '▲', '△', '■', '□', '◆', '◇'];

/** Without colours, several lines are not to be told apart in Braille. With more of them than there are marks, these repeat. */
export function seriesStyle(options: { count: number; colour: boolean; glyphs: Glyphs }): SeriesStyle {
  const { count, colour, glyphs } = options;
  const unicode = glyphs === unicodeGlyphs;
  const fine = unicode && (colour || count <= 1);
  const marks = unicode ? unicodeMarks : asciiMarks;
  const styleOf = (series: number) => (colour ? colours[series % colours.length] : undefined);
  const markOf = (series: number) => marks[series % marks.length] as string;
  return {
    fine,
    mark: (series, dots) => paint(styleOf(series), fine ? brailleCharacter(dots) : markOf(series), colour),
    key: (series) => ({ text: fine ? '━━' : markOf(series), style: styleOf(series) }),
  };
}
