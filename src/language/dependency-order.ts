import type { Reference } from './depends-on.ts';
import { interpolate } from './interpolation.ts';
import { nameFault } from './names.ts';
import { quoted, type Report } from './problems.ts';
import type { Span } from './source.ts';
import type { Variables } from './variables.ts';
import { createScope, type ScopeRequest, type WorkflowScope } from './workflow-scope.ts';
import type { Workflow, Workflows } from './workflows.ts';

/** A workflow of the plan, with its variables known and its dependencies looked up. */
export interface PlannedWorkflow {
  readonly workflow: Workflow;
  readonly scope: WorkflowScope;
  /** In the order written; each once. */
  readonly needs: readonly Need[];
}

/** A workflow of the same plan, or (`tag` set) one of a tagged run; without `workflow` the tagged run's own. */
export type Need =
  | { readonly workflow: string; readonly tag: null; readonly span: Span }
  | { readonly workflow: string | null; readonly tag: string; readonly span: Span };

const mostJobs = 1000;

/**
 * A workflow and all that it depends on, each after what it depends on itself.
 * Reports unknown workflows and circles, and then is not to be relied on.
 */
export function dependencyOrder(
  root: Workflow,
  workflows: Workflows,
  variables: Variables,
  request: ScopeRequest,
  report: Report,
): PlannedWorkflow[] {
  const visit = (workflow: Workflow): PlannedWorkflow => {
    const scope = createScope(workflow, variables, request, report);
    return { workflow, scope, needs: readNeeds(workflow, scope, workflows, report) };
  };
  const ordered: PlannedWorkflow[] = [];
  const open = [{ planned: visit(root), next: 0 }];
  const seen = new Set([root.name.text]);
  // Not recursive: a chain of workflows may be longer than the stack is deep.
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const need = top.planned.needs[top.next++];
    if (!need) {
      ordered.push(top.planned);
      open.pop();
    } else if (need.tag === null) {
      const at = open.findIndex(({ planned }) => planned.workflow.name.text === need.workflow);
      if (at >= 0) {
        reportCircle(
          open.slice(at).map(({ planned, next }) => ({ planned, need: planned.needs[next - 1]! })),
          report,
        );
      } else if (!seen.has(need.workflow)) {
        seen.add(need.workflow);
        if (seen.size > mostJobs) {
          report({ span: root.name.span, message: `it depends on more than ${mostJobs} workflows` });
          return ordered;
        }
        open.push({ planned: visit(workflows.get(need.workflow)!), next: 0 });
      }
    }
  }
  return ordered;
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

function reportCircle(steps: { planned: PlannedWorkflow; need: Need }[], report: Report): void {
  const names = steps.map(({ planned }) => planned.workflow.name.text);
  if (steps.length === 1) {
    report({ span: steps[0]!.need.span, message: `${quoted(names[0]!)} depends on itself` });
    return;
  }
  const [first, ...others] = steps;
  const circle = [...names, names[0]!].slice(0, 20).join(' → ');
  report({
    span: first!.need.span,
    message: `workflows depend on one another in a circle: ${circle}`,
    notes: others.slice(0, 10).map(({ planned, need }) => ({
      span: need.span,
      message: `${quoted(planned.workflow.name.text)} depends on ${quoted(need.workflow ?? '')}`,
    })),
  });
}
