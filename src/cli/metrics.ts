import { isOnScreen, type MetricsOptions, metricsCsv, printMetrics } from './metrics-print.ts';
import { hasEnded, openSources, readSources } from './metrics-sources.ts';
import { locateRuns } from './open-state.ts';
import { openProject } from './project.ts';
import { printJson, say } from './terminal.ts';

const nothingMeasured = 'nothing was measured: `metrics` of a workflow names the file in which it is';

/** `dstack metrics RUN[/JOB]…`: charts of what jobs have measured, or its last values, or all of it. */
export async function metrics(names: readonly string[], options: MetricsOptions): Promise<void> {
  const project = await openProject();
  const sources = await openSources(project, await locateRuns(project, names));
  const asCharts = isOnScreen(options) && sources.every(hasEnded);
  if (options.follow && !asCharts) {
    const { followMetrics } = await import('./metrics-follow.ts');
    await followMetrics(project, sources, options);
    return;
  }
  const measured = await readSources(sources);
  if (options.json) return printJson(measured);
  if (options.csv) process.stdout.write(metricsCsv(measured));
  else if (measured.length > 0) printMetrics(measured, options);
  if (measured.length === 0) say(nothingMeasured);
}
