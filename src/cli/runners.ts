import { runnerTable } from '../tui/runner-table.ts';
import { openProjectState } from './open-state.ts';
import { openProject } from './project.ts';
import { hasColour, printJson } from './terminal.ts';

export async function runners(options: { json?: true }): Promise<void> {
  const { read } = await openProjectState(await openProject());
  const state = await read();
  if (options.json) printJson(state.runners);
  else process.stdout.write(runnerTable(state.runners, Date.now(), { colour: hasColour(process.stdout) }));
}
