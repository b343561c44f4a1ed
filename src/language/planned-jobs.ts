import type { Reference } from './depends-on.ts';
import { interpolate } from './interpolation.ts';
import { matrixCells } from './matrix-cells.ts';
import { nameFault } from './names.ts';
import { quoted, type Report } from './problems.ts';
import type { LocatedText, Span } from './source.ts';
import type { createScopes, ScopeOwner, WorkflowScope } from './workflow-scope.ts';
import type { Workflow, Workflows } from './workflows.ts';

/** A job of the plan: a workflow, or one cell of its matrix. */
export interface PlannedJob extends ScopeOwner {
  readonly scope: WorkflowScope;
  /** In the order written; each once. The same array for all jobs of a workflow with the same needs. */
  readonly needs: readonly Need[];
}

/** A workflow of the same plan, or (`tag` set) one of a tagged run; without `workflow` the tagged run's own. */
export type Need =
  | { readonly workflow: string; readonly tag: null; readonly span: Span }
  | { readonly workflow: string | null; readonly tag: string; readonly span: Span };

/** The jobs of one workflow, with their variables and needs. None after a report about its matrix. */
export function planJobs(
  workflow: Workflow,
  scopes: ReturnType<typeof createScopes>,
  workflows: Workflows,
  report: Report,
): PlannedJob[] {
  const known = new Map<string, Need[]>();
  return jobsOf(workflow, scopes, workflows, report).map((owner) => {
    const scope = scopes.ofJob(owner);
    const needs = readNeeds(workflow, scope, workflows, report);
    const key = JSON.stringify(needs.map(({ workflow, tag }) => [workflow, tag]));
    const shared = known.get(key) ?? needs;
    known.set(key, shared);
    return { ...owner, scope, needs: shared };
  });
}

function jobsOf(
  { name, matrix }: Workflow,
  scopes: ReturnType<typeof createScopes>,
  workflows: Workflows,
  report: Report,
): ScopeOwner[] {
  if (!matrix) return [{ name: name.text, values: null }];
  if (!matrix.value) return [];
  const cells = matrixCells(matrix.value, matrix.key, scopes.ofMatrix(), report);
  const jobs = cells.map((values, i) => ({ name: `${name.text}-${i + 1}`, values }));
  const longest = jobs.at(-1);
  const fault = longest && nameFault(longest.name);
  if (fault) {
    report({ span: name.span, message: `${quoted(longest.name)} can't be the name of a cell: ${fault}` });
    return [];
  }
  const taken = jobs.find((job) => workflows.has(job.name));
  if (!taken) return jobs;
  const other: LocatedText = workflows.get(taken.name)!.name;
  report({
    span: matrix.key.span,
    message: `a cell of ${quoted(name.text)} is named ${quoted(taken.name)}, and so is a workflow`,
    notes: [{ span: other.span, message: 'this workflow' }],
  });
  return [];
}

function readNeeds(workflow: Workflow, scope: WorkflowScope, workflows: Workflows, report: Report): Need[] {
  const needs = new Map<string, Need>();
  for (const reference of workflow.dependsOn.references) {
    const need = readNeed(reference, scope, workflows, report);
    if (need) needs.set(`${need.workflow ?? ''}:${need.tag ?? ''}`, need);
  }
  return [...needs.values()];
}

function readNeed(
  { workflow, tag, span }: Reference,
  scope: WorkflowScope,
  workflows: Workflows,
  report: Report,
): Need | null {
  const name = workflow && interpolate(workflow, scope, report);
  const tagName = tag && interpolate(tag, scope, report);
  if ((workflow && name === null) || (tag && tagName === null)) return null;
  if (tagName === null) {
    if (workflows.has(name!)) return { workflow: name!, tag: null, span };
    report({
      span,
      message: `there is no workflow ${quoted(name!)}`,
      unknown: { word: name!, known: workflows.keys() },
    });
    return null;
  }
  for (const [what, text] of [
    ['workflow', name],
    ['tag', tagName],
  ] as const) {
    const fault = text === null ? null : nameFault(text);
    if (!fault) continue;
    report({ span, message: `${quoted(text!)} can't be the name of a ${what}: ${fault}` });
    return null;
  }
  return { workflow: name, tag: tagName, span };
}
