import type { Need, PlannedJob } from './planned-jobs.ts';
import { quoted, type Report } from './problems.ts';
import type { Workflow, Workflows } from './workflows.ts';

/** A workflow of the plan, with the variables of its jobs known and its dependencies looked up. */
export interface PlannedWorkflow {
  readonly workflow: Workflow;
  /** One, or one for each cell of its matrix; none after a report. */
  readonly jobs: readonly PlannedJob[];
  /** Of all its jobs, each once, in the order written. */
  readonly needs: readonly Need[];
}

/**
 * Workflows and all that they depend on, each after what it depends on itself.
 * Reports circles, and then is not to be relied on.
 */
export function dependencyOrder(
  roots: readonly Workflow[],
  visit: (workflow: Workflow) => PlannedWorkflow,
  workflows: Workflows,
  report: Report,
): PlannedWorkflow[] {
  const ordered: PlannedWorkflow[] = [];
  const seen = new Set<string>();
  for (const root of roots) {
    if (seen.has(root.name.text)) continue;
    seen.add(root.name.text);
    // Not recursive: a chain of workflows may be longer than the stack is deep.
    const open = [{ planned: visit(root), next: 0 }];
    const depths = new Map([[root.name.text, 0]]);
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const need = top.planned.needs[top.next++];
      if (!need) {
        ordered.push(top.planned);
        depths.delete(top.planned.workflow.name.text);
        open.pop();
      } else if (need.tag === null) {
        const depth = depths.get(need.workflow);
        if (depth !== undefined) {
          const steps = open.slice(depth);
          reportCircle(
            steps.map(({ planned, next }) => ({ planned, need: planned.needs[next - 1]! })),
            report,
          );
        } else if (!seen.has(need.workflow)) {
          seen.add(need.workflow);
          depths.set(need.workflow, open.length);
          open.push({ planned: visit(workflows.get(need.workflow)!), next: 0 });
        }
      }
    }
  }
  return ordered;
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
