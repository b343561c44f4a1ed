import { render, useInput, useStdout } from 'ink';
import { type ReactNode, useEffect } from 'react';

const ENTER_ALTERNATE_SCREEN = '\x1b[?1049h\x1b[H';
const LEAVE_ALTERNATE_SCREEN = '\x1b[?1049l';
const CLEAR = '\x1b[2J\x1b[H';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

/** Both must be terminals. */
export interface Terminal {
  readonly stdin?: NodeJS.ReadStream | undefined;
  readonly stdout?: NodeJS.WriteStream | undefined;
}

/**
 * Shows something on the alternate screen until it is left, and gives the terminal back as it was, also when the
 * process is ended by a signal or by an error, and while it is suspended.
 */
export async function renderFullScreen(screen: ReactNode, terminal: Terminal = {}): Promise<void> {
  const stdout = terminal.stdout ?? process.stdout;
  const stdin = terminal.stdin ?? process.stdin;
  stdout.write(ENTER_ALTERNATE_SCREEN);
  const { waitUntilExit, unmount } = render(
    <>
      {screen}
      <Suspension stdin={stdin} stdout={stdout} />
      <LeaveAlternateScreen stdout={stdout} />
    </>,
    { stdin, stdout: withoutHeight(stdout) },
  );
  // Before Node says what went wrong, which would go with the alternate screen otherwise.
  const crash = () => unmount();
  process.once('uncaughtExceptionMonitor', crash);
  try {
    await waitUntilExit();
  } finally {
    process.off('uncaughtExceptionMonitor', crash);
  }
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

/** Milliseconds after which a process that asked to be stopped, and goes on, was not: nobody could have continued it. */
const STOPPED_BY_NOW = 100;
const SETTLED_BY_NOW = 50;

/** Ctrl+Z and SIGTSTP give the terminal to the shell, as long as the process is stopped. */
function Suspension({ stdin, stdout }: { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream }) {
  const { write } = useStdout();
  useEffect(() => {
    let timer: NodeJS.Timeout | undefined;
    const resume = () => {
      clearTimeout(timer);
      process.off('SIGCONT', resume);
      process.on('SIGTSTP', suspend);
      stdin.setRawMode?.(true);
      stdout.write(ENTER_ALTERNATE_SCREEN + HIDE_CURSOR);
      // The shell alone was told if the terminal has another size by now.
      process.kill(process.pid, 'SIGWINCH');
      // That comes first. Ink draws all of it anew after what it is told to write.
      timer = setTimeout(() => write(CLEAR), SETTLED_BY_NOW);
    };
    const suspend = () => {
      stdin.setRawMode?.(false);
      stdout.write(LEAVE_ALTERNATE_SCREEN + SHOW_CURSOR);
      process.on('SIGCONT', resume);
      // Without a listener the signal does what it is for.
      process.off('SIGTSTP', suspend);
      process.kill(process.pid, 'SIGTSTP');
      timer = setTimeout(resume, STOPPED_BY_NOW);
    };
    process.on('SIGTSTP', suspend);
    return () => {
      clearTimeout(timer);
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', resume);
    };
  }, [stdin, stdout, write]);
  useInput((input, key) => {
    // In raw mode the terminal sends no signals. All that was started together is stopped together.
    if (key.ctrl && input === 'z') process.kill(0, 'SIGTSTP');
  });
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
