import { render } from 'ink';
import { type ReactNode, useEffect } from 'react';

const ENTER_ALTERNATE_SCREEN = '\x1b[?1049h\x1b[H';
const LEAVE_ALTERNATE_SCREEN = '\x1b[?1049l';

/** Both must be terminals. */
export interface Terminal {
  readonly stdin?: NodeJS.ReadStream | undefined;
  readonly stdout?: NodeJS.WriteStream | undefined;
}

/**
 * Shows something on the alternate screen until it is left, and gives the terminal back as it was, also when the
 * process is ended by a signal.
 */
export async function renderFullScreen(screen: ReactNode, terminal: Terminal = {}): Promise<void> {
  const stdout = terminal.stdout ?? process.stdout;
  stdout.write(ENTER_ALTERNATE_SCREEN);
  const { waitUntilExit } = render(
    <>
      {screen}
      <LeaveAlternateScreen stdout={stdout} />
    </>,
    { stdin: terminal.stdin ?? process.stdin, stdout: withoutHeight(stdout) },
  );
  await waitUntilExit();
}

/** Ink unmounts what it shows at every end of the process that can be seen coming, so the way back is an effect's end. */
function LeaveAlternateScreen({ stdout }: { stdout: NodeJS.WriteStream }) {
  useEffect(
    () => () => {
      stdout.write(LEAVE_ALTERNATE_SCREEN);
    },
    [stdout],
  );
  return null;
}

/**
 * A view of the stream that does not tell its height. Ink erases the user's scroll-back when what it drew
 * before is as high as the terminal, as happens when the window shrinks; the screen itself asks `getWindowSize`.
 */
function withoutHeight(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stdout, {
    get(target, key) {
      if (key === 'rows') return undefined;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
