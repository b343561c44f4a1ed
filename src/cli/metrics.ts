import { lastOf, readMetrics } from '../ledger/read-metrics.ts';
import { readCells } from '../ledger/run-cells.ts';
import { type MeasuredJob, metricsTable } from '../tui/metrics-table.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, openProject } from './project.ts';
import { hasColour, printJson, say } from './terminal.ts';

/** `dstack metrics RUN[/JOB]…`: the last values of what jobs measured, or all of them as JSON. */
export async function metrics(runs: readonly string[], options: { json?: true }): Promise<void> {
  const project = await openProject();
  const measured: (MeasuredJob & { points: object[] })[] = [];
  for (const name of runs) {
    const { ledger, run, job: only } = await locateRun(project, name);
    const store = await openLedgerStore(project, ledger).catch(() => null);
    const readStored = store ? (sha256: string) => store.read(sha256) : null;
    const cells = await readCells(ledger, run);
    for (const job of run.jobs) {
      if (only !== null && job.name !== only) continue;
      const points = await readMetrics(ledger, job, readStored);
      // Where the lines are gone with the run that made them, the record still has the last values.
      const last = lastOf(points) ?? job.metrics;
      const matrix = cells.get(job.name) ?? null;
      if (last !== null) measured.push({ run: run.name, job: job.name, matrix, last, points });
    }
  }
  if (options.json) return printJson(measured);
  if (measured.length === 0)
    say('nothing was measured: `metrics` of a workflow names the file in which it is');
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  if (measured.length > 0)
    process.stdout.write(metricsTable(measured, { width, colour: hasColour(process.stdout) }));
}
