import { renderFullScreen, type Terminal } from './full-screen.tsx';
import { glyphsForLocale } from './glyphs.ts';
import type { StatusActions } from './status-keys.ts';
import type { Target } from './status-model.ts';
import { StatusScreen } from './status-view.tsx';
import type { Beginning, DetailSource, StatusSource } from './use-status.ts';

export type { StatusActions } from './status-keys.ts';
export type { Details, Reading, Target } from './status-model.ts';
export type { DetailSource, StatusSource, View } from './use-status.ts';

export interface StatusResult {
  /** What the user left for; `job` null: the logs of all the run's jobs. */
  readonly action: 'quit' | { readonly logs: Target };
}

export interface StatusOptions extends Terminal, Beginning {
  readonly source: StatusSource;
  readonly details: DetailSource;
  readonly actions: Omit<StatusActions, 'logs'>;
  readonly env?: NodeJS.ProcessEnv;
}

/** Shows the live status on the alternate screen until the user leaves. */
export async function renderStatus(options: StatusOptions): Promise<StatusResult> {
  const { source, details, actions, selected, notice, env = process.env } = options;
  let result: StatusResult = { action: 'quit' };
  const logs = (run: string, job: string | null) => {
    result = { action: { logs: { run, job } } };
  };
  await renderFullScreen(
    <StatusScreen
      source={source}
      details={details}
      actions={{ ...actions, logs }}
      colour={!env.NO_COLOR}
      glyphs={glyphsForLocale(env)}
      selected={selected}
      notice={notice}
    />,
    options,
  );
  return result;
}
