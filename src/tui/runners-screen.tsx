import { renderFullScreen, type Terminal } from './full-screen.tsx';
import { glyphsForLocale } from './glyphs.ts';
import { RunnersScreen } from './runners-view.tsx';
import type { StateSource } from './use-status.ts';

/** Shows the live list of runners on the alternate screen until the user leaves. */
export async function renderRunners(
  options: Terminal & { readonly source: StateSource; readonly env?: NodeJS.ProcessEnv },
): Promise<void> {
  const { source, env = process.env } = options;
  await renderFullScreen(
    <RunnersScreen source={source} colour={!env.NO_COLOR} glyphs={glyphsForLocale(env)} />,
    options,
  );
}
