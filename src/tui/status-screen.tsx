import { render } from 'ink';
import { useEffect } from 'react';
import { glyphsForLocale } from './glyphs.ts';
import type { Target } from './status-model.ts';
import { StatusScreen } from './status-view.tsx';
import type { StatusActions, StatusSource } from './use-status.ts';

export type { Reading, Target } from './status-model.ts';
export type { StatusActions, StatusSource } from './use-status.ts';

export interface StatusResult {
  /** What the user left for; `job` null: the logs of all the run's jobs. */
  readonly action: 'quit' | { readonly logs: { readonly run: string; readonly job: string | null } };
}

export interface StatusOptions {
  readonly source: StatusSource;
  readonly actions: Pick<StatusActions, 'stop'>;
  /** Where the cursor is to stand, to come back from a log. */
  readonly selected?: Target | null;
  /** Both must be terminals. */
  readonly stdin?: NodeJS.ReadStream;
  readonly stdout?: NodeJS.WriteStream;
  readonly env?: NodeJS.ProcessEnv;
}

const ENTER_ALTERNATE_SCREEN = '\x1b[?1049h\x1b[H';
const LEAVE_ALTERNATE_SCREEN = '\x1b[?1049l';

/**
 * Shows the live status on the alternate screen until the user leaves, and gives the terminal back as it was,
 * also when the process is ended by a signal.
 */
export async function renderStatus(options: StatusOptions): Promise<StatusResult> {
  const { source, actions, selected = null, env = process.env } = options;
  const stdout = options.stdout ?? process.stdout;
  let result: StatusResult = { action: 'quit' };
  const logs = (run: string, job: string | null) => {
    result = { action: { logs: { run, job } } };
  };
  stdout.write(ENTER_ALTERNATE_SCREEN);
  const { waitUntilExit } = render(
    <>
      <StatusScreen
        source={source}
        actions={{ stop: actions.stop, logs }}
        colour={!env.NO_COLOR}
        glyphs={glyphsForLocale(env)}
        selected={selected}
      />
      <LeaveAlternateScreen stdout={stdout} />
    </>,
    { stdin: options.stdin ?? process.stdin, stdout: withoutHeight(stdout) },
  );
  await waitUntilExit();
  return result;
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
