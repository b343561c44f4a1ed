import { readUsage } from '../ledger/read-usage.ts';
import { glyphsForLocale, unicodeGlyphs } from '../tui/glyphs.ts';
import { type UsingJob, usageTable } from '../tui/usage-text.ts';
import { locateRun } from './open-state.ts';
import { openProject } from './project.ts';
import { hasColour, printJson, say } from './terminal.ts';

/** `dstack metrics --machine RUN[/JOB]…`: what jobs have used of their machines, over time as JSON. */
export async function machineMetrics(runs: readonly string[], options: { json?: true }): Promise<void> {
  const project = await openProject();
  const using: UsingJob[] = [];
  for (const name of runs) {
    const { ledger, run, job: only } = await locateRun(project, name);
    for (const { usage, ...job } of run.jobs) {
      if (!usage || (only !== null && job.name !== only)) continue;
      using.push({ run: run.name, job: job.name, usage, series: await readUsage(ledger, job) });
    }
  }
  if (options.json) return printJson(using);
  if (using.length === 0) {
    say(
      'no use of the machine is recorded: it is kept of jobs that ran for over a second, once they have ended',
    );
    return;
  }
  const bars = process.stdout.isTTY && glyphsForLocale(process.env) === unicodeGlyphs;
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  process.stdout.write(usageTable(using, { bars, width, colour: hasColour(process.stdout) }));
}
