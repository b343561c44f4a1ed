import type { Command } from 'commander';
import { workflowHelp } from '../language/workflow-help.ts';
import { plainText } from '../terminal-text.ts';
import { openProject } from './project.ts';
import { plural } from './terminal.ts';
import { readWorkflows } from './workflow-files.ts';

/** `dstack run --help`, or with a workflow's name what that does and its variables. */
export async function runHelp(workflow: string | null, command: Command): Promise<void> {
  if (workflow === null) {
    process.stdout.write(command.helpInformation());
    return;
  }
  const { workflows, variables } = await readWorkflows(await openProject());
  const found = workflowHelp(workflows, variables, workflow);
  const lines = [`dstack run ${found.name} [--VARIABLE VALUE …]`];
  if (found.help) lines.push('', plainText(found.help));
  if (found.dependsOn.length > 0) lines.push('', `Runs first: ${found.dependsOn.join(', ')}`);
  if (found.matrix) lines.push('', `Runs as ${plural(found.jobs, 'job')}, by ${found.matrix.join(', ')}`);
  const width = Math.max(0, ...found.variables.map(({ option }) => option.length));
  lines.push('', found.variables.length > 0 ? 'Variables:' : 'It has no variables.');
  for (const { option, default: value } of found.variables) {
    lines.push(`  ${option.padEnd(width)}  default: ${plainText(value)}`);
  }
  lines.push('', 'Options: dstack run --help', '');
  process.stdout.write(lines.join('\n'));
}

/** What there is to choose from, for a request that names no workflow. */
export async function knownWorkflows(): Promise<string | undefined> {
  try {
    const { workflows } = await readWorkflows(await openProject());
    return `there are: ${[...workflows.keys()].map(plainText).join(', ')}`;
  } catch {
    return undefined;
  }
}
