import { checkWorkflows } from '../language/check-workflows.ts';
import { openProject } from './project.ts';
import { plural, printJson, say } from './terminal.ts';
import { readWorkflows } from './workflow-files.ts';

/** Plans every workflow, so that whatever `dstack run` would complain of shows now. */
export async function validate(options: { json?: true }): Promise<void> {
  const { workflows, variables } = await readWorkflows(await openProject());
  const planned = checkWorkflows(workflows, variables);
  if (options.json) {
    printJson(
      planned.map(({ workflow, jobs, needs }) => ({
        workflow: workflow.name.text,
        jobs: jobs.map(({ name }) => name),
        dependsOn: needs.map(({ workflow: name, tag }) => (tag === null ? name : `${name ?? ''}:${tag}`)),
      })),
    );
    return;
  }
  const counts = new Map(planned.map(({ workflow, jobs }) => [workflow.name.text, jobs.length]));
  const names = [...workflows.values()].map(({ name: { text }, matrix }) =>
    matrix ? `${text} (${plural(counts.get(text) ?? 0, 'job')})` : text,
  );
  say(`.dstack/ is in order: ${names.join(', ')}`);
}
