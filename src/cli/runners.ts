import { openWake } from '../ledger/wake.ts';
import { runnerTable } from '../tui/runner-table.ts';
import { liveSource } from './live-source.ts';
import { openProjectState } from './open-state.ts';
import { openProject, type Project } from './project.ts';
import { hasColour, printJson } from './terminal.ts';

/** `dstack runners`: live on a terminal, a table in a pipe. */
export async function runners(options: { plain?: true; json?: true }): Promise<void> {
  const project = await openProject();
  const { stdin, stdout } = process;
  if (stdin.isTTY && stdout.isTTY && !options.json && !options.plain) return live(project);
  const { read } = await openProjectState(project);
  const state = await read();
  if (options.json) return printJson(state.runners);
  const width = stdout.isTTY ? stdout.columns : undefined;
  stdout.write(runnerTable(state.runners, Date.now(), { width, colour: hasColour(stdout) }));
}

async function live(project: Project): Promise<void> {
  const { renderRunners } = await import('../tui/screens.ts');
  const { ledgers, read } = await openProjectState(project, { whole: true });
  const wakes = ledgers.map((ledger) => openWake(ledger.shared));
  const source = liveSource(wakes, read, project.config.runner.poll);
  try {
    await renderRunners({ source });
  } finally {
    source.close();
    for (const wake of wakes) wake.close();
    for (const ledger of ledgers) ledger.close();
  }
}
