import { collapseCarriageReturns, createLogSanitizer } from '../terminal-text.ts';

/** Characters of a line that are shown: one of megabytes is no line that anybody reads. */
export const longestLine = 10_000;

const SGR = /\x1b\[[0-9;:]*m/g;
const RESET = /^\x1b\[0*m$/;
/** More colours than this that are not reset are none that anybody has meant. */
const mostColours = 16;

/** Turns the bytes of a log into lines that can be shown each by itself. */
export interface LineSplitter {
  /** @returns the lines that are complete now */
  push(bytes: Uint8Array): string[];
  /** The line that has begun and has no end yet; null: there is none. */
  rest(): string | null;
}

/**
 * Neutralises all but colours, shows progress bars in their last state, and begins each line with the colours that are in
 * force there. Holds one line, cut to a bounded length.
 */
export function splitLines(): LineSplitter {
  const sanitizer = createLogSanitizer({ colour: true });
  let colours = '';
  let begun = '';
  const shown = (line: string): string => {
    const text = collapseCarriageReturns(line);
    const cut = text.length > longestLine ? `${text.slice(0, longestLine)}… [cut]` : text;
    return `${colours}${cut}`;
  };
  return {
    push(bytes) {
      const parts = (begun + sanitizer.push(bytes)).split('\n');
      begun = parts.pop() as string;
      const lines = parts.map((line) => {
        const text = shown(line);
        colours = inForce(colours + line);
        return text;
      });
      // What is drawn over and over again is kept in its last state; what has no end, up to where it is cut.
      if (begun.length > 2 * longestLine) begun = collapseCarriageReturns(begun).slice(0, longestLine + 1);
      return lines;
    },
    rest: () => (begun === '' ? null : shown(begun)),
  };
}

/** The colours that a text leaves switched on. */
function inForce(text: string): string {
  const found = text.match(SGR) ?? [];
  const since = found.slice(found.findLastIndex((sgr) => RESET.test(sgr)) + 1);
  return since.slice(-mostColours).join('');
}
