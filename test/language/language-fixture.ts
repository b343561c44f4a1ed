import { DstackError } from '../../src/errors.ts';
import type { JobSpec } from '../../src/language/job-spec.ts';
import { plan } from '../../src/language/plan.ts';
import type { PlanRequest } from '../../src/language/plan-request.ts';
import { parseVariables } from '../../src/language/variables.ts';
import { parseWorkflows, type Workflow } from '../../src/language/workflows.ts';

export const workflowsPath = '.dstack/workflows.yaml';
export const variablesPath = '.dstack/variables.yaml';

export const workflowsOf = (text: string) => parseWorkflows([{ path: workflowsPath, text }]);
export const variablesOf = (text: string | null) =>
  parseVariables(text === null ? null : { path: variablesPath, text });

/** The only workflow of a text. */
export function workflowOf(text: string): Workflow {
  const [workflow, ...others] = workflowsOf(text).values();
  if (!workflow || others.length > 0) throw new Error('one workflow is expected');
  return workflow;
}

/** A plan for `train`, or whatever is asked for. */
export function planOf(
  workflows: string,
  variables: string | null = null,
  request: Partial<PlanRequest> = {},
) {
  return plan(workflowsOf(workflows), variablesOf(variables), {
    workflow: 'train',
    overrides: {},
    runName: 'brave-otter-7k2m',
    environment: {},
    resolveTag: () => [],
    ...request,
  });
}

/** The last job of a plan: that of the workflow asked for. */
export function jobOf(...args: Parameters<typeof planOf>): JobSpec {
  return planOf(...args).at(-1)!;
}

/** The DstackError that an action ends in; anything else is thrown on. */
export function failureOf(action: () => unknown): DstackError {
  try {
    action();
  } catch (error) {
    if (error instanceof DstackError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** The first lines of the errors, without source lines: `line:column: message`, whatever the file. */
export function placesOf(action: () => unknown): string[] {
  return failureOf(action)
    .message.split('\n')
    .filter((line) => /^\S+:\d+:\d+: /.test(line))
    .map((line) => line.replace(/^[^:]*:/, ''));
}
