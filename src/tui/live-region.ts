import { cellWidth } from './cell-width.ts';

/** What of a terminal's stream is used. */
export interface RegionStream {
  write(text: string): unknown;
  /** As the terminal is now: what it was a moment ago would leave lines behind. */
  readonly columns: number;
}

/** Lines that stay below what is printed, in the terminal's usual flow: what is above them scrolls away as ever. */
export interface LiveRegion {
  /** Shows these lines in the place of those before; each must fit into the terminal's width. */
  show(lines: readonly string[]): void;
  /** Lets `write` print whole lines above, to this or another stream of the same terminal. */
  above(write: () => void): void;
  /** Takes the lines away until `show` is called again. */
  hide(): void;
}

/**
 * Nothing is set that would have to be given back: the cursor stays visible, at the end of the last line, so that a
 * process may end at any moment.
 */
export function createLiveRegion(stream: RegionStream): LiveRegion {
  let shown: readonly string[] = [];
  /** The sequence that leads to where the lines begin, and removes them. */
  const removal = () => {
    if (shown.length === 0) return '';
    // A narrower window has wrapped them.
    const { columns } = stream;
    const rows = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ''}\x1b[J`;
  };
  const draw = (before: string, lines: readonly string[]) => {
    shown = lines;
    const text = before + lines.join('\n');
    // One write, so that no half of it is ever seen.
    if (text !== '') stream.write(text);
  };
  return {
    show: (lines) => draw(removal(), lines),
    above(write) {
      const lines = shown;
      draw(removal(), []);
      write();
      draw('', lines);
    },
    hide: () => draw(removal(), []),
  };
}

/** Lines of such a region have styles, but no other sequences. */
function widthOf(line: string): number {
  return cellWidth(line);
}
