import type { LogPump } from './log-pump.ts';

/** A line that is longer is cut. */
const longestLine = 64 << 10;

/** What takes output in pieces, and hands it on in whole lines with something before each. */
export interface PrefixedLines extends Pick<LogPump, 'push'> {
  /** Nothing follows: what has no end of line gets one. */
  end(): void;
}

/** Progress bars go back to the beginning of a line instead of ending it. */
const isEnd = (byte: number) => byte === 0x0a || byte === 0x0d;

/** @param prefix what each line begins with */
export function prefixedLines(prefix: string, pump: Pick<LogPump, 'push'>): PrefixedLines {
  const before = Buffer.from(prefix);
  let held: Buffer = Buffer.alloc(0);
  const tell = (lines: readonly Buffer[]) => {
    if (lines.length > 0) pump.push(Buffer.concat(lines.flatMap((line) => [before, line])));
  };
  return {
    push(bytes) {
      let rest = Buffer.concat([held, bytes]);
      const lines: Buffer[] = [];
      for (;;) {
        let end = rest.findIndex(isEnd) + 1;
        // The two of a line's end belong together; the second may be still to come.
        if (end > 0 && rest[end - 1] === 0x0d) {
          if (end === rest.length) break;
          if (rest[end] === 0x0a) end += 1;
        }
        if (end === 0 && rest.length > longestLine) end = longestLine;
        if (end === 0) break;
        const line = rest.subarray(0, end);
        lines.push(isEnd(line[end - 1] as number) ? line : Buffer.concat([line, Buffer.from('\n')]));
        rest = rest.subarray(end);
      }
      held = rest;
      tell(lines);
    },
    end() {
      if (held.length > 0) tell([Buffer.concat([held, Buffer.from('\n')])]);
      held = Buffer.alloc(0);
    },
  };
}
