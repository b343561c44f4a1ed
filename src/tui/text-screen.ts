const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

/** A screen of its own, on which text is shown again and again. */
export interface TextScreen {
  /** Shows these lines from the top, as many as there is room for; none may be too wide. */
  show(lines: readonly string[]): void;
  /** Gives the terminal back as it was. The end of the process does so, too. */
  close(): void;
}

/** @param onKey is told of each key that is pressed, Ctrl+C included, which then does nothing by itself */
export function openTextScreen(
  stdout: NodeJS.WriteStream,
  stdin: NodeJS.ReadStream,
  onKey: (key: string) => void,
): TextScreen {
  const read = (bytes: Buffer) => onKey(bytes.toString('latin1'));
  const leave = () => {
    stdout.write(LEAVE);
    if (stdin.isTTY) stdin.setRawMode(false);
  };
  process.once('exit', leave);
  stdout.write(ENTER);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on('data', read);
  }
  return {
    show: (lines) => void stdout.write(`\x1b[H${lines.slice(0, stdout.rows).join('\x1b[K\r\n')}\x1b[K\x1b[J`),
    close() {
      process.off('exit', leave);
      stdin.off('data', read);
      // Otherwise it would keep the process from its end.
      stdin.pause();
      leave();
    },
  };
}
