import { plan } from '../language/plan.ts';
import { placeholderRunName } from '../language/workflow-scope.ts';
import { openProject } from './project.ts';
import { printJson, say } from './terminal.ts';
import { readWorkflows } from './workflow-files.ts';

/** Plans every workflow, so that whatever `dstack run` would complain of shows now. */
export async function validate(options: { json?: true }): Promise<void> {
  const { workflows, variables } = await readWorkflows(await openProject());
  // What is set here and now is no question to the files, either.
  const passedOn = [...workflows.values()].flatMap(({ env }) => env.map(({ name }) => [name.text, '']));
  const environment = Object.fromEntries(passedOn);
  const planned = [...workflows.keys()].map((workflow) => ({
    workflow,
    jobs: plan(workflows, variables, {
      workflow,
      overrides: {},
      runName: placeholderRunName,
      environment,
      // Whether a tag exists is a question to the shared repository, not to the files.
      resolveTag: (_tag, job) => [{ run: 'tagged', job: job ?? 'tagged' }],
    }).map(({ name }) => name),
  }));
  if (options.json) printJson(planned);
  else say(`.dstack/ is in order: ${planned.map(({ workflow }) => workflow).join(', ') || 'no workflows'}`);
}
