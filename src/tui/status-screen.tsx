import { renderFullScreen, type Terminal } from './full-screen.tsx';
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

export interface StatusOptions extends Terminal {
  readonly source: StatusSource;
  readonly actions: Pick<StatusActions, 'stop'>;
  /** Where the cursor is to stand, to come back from a log. */
  readonly selected?: Target | null;
  readonly env?: NodeJS.ProcessEnv;
}

/** Shows the live status on the alternate screen until the user leaves. */
export async function renderStatus(options: StatusOptions): Promise<StatusResult> {
  const { source, actions, selected = null, env = process.env } = options;
  let result: StatusResult = { action: 'quit' };
  const logs = (run: string, job: string | null) => {
    result = { action: { logs: { run, job } } };
  };
  await renderFullScreen(
    <StatusScreen
      source={source}
      actions={{ stop: actions.stop, logs }}
      colour={!env.NO_COLOR}
      glyphs={glyphsForLocale(env)}
      selected={selected}
    />,
    options,
  );
  return result;
}
