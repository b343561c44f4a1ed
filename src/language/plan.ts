import { usageError } from '../errors.ts';
import { createBudget } from './budget.ts';
import { createJobSpec } from './create-job-spec.ts';
import { dependencyOrder, type PlannedWorkflow } from './dependency-order.ts';
import type { JobSpec } from './job-spec.ts';
import { optionKey, optionName } from './names.ts';
import { nearest } from './nearest.ts';
import { reportOverlaps } from './overlaps.ts';
import type { PlanRequest } from './plan-request.ts';
import { createReport, listed, quoted, type Report, throwProblems } from './problems.ts';
import type { Variables } from './variables.ts';
import type { Workflow, Workflows } from './workflows.ts';

/**
 * The jobs of a run, in dependency order: the workflow asked for (last) and everything it depends on.
 *
 * An override applies to the workflow asked for and to each one it depends on that declares the variable, for
 * itself or through `global`: a run has one value for a name wherever it is overridden.
 *
 * @throws DstackError `unknown-workflow`, `unknown-variable` (usage); `invalid-workflows` with everything that is
 *   wrong in the files, as far as this plan is concerned
 */
export function plan(workflows: Workflows, variables: Variables, request: PlanRequest): JobSpec[] {
  const { report, problems } = createReport();
  const overrides = new Map(
    Object.entries(request.overrides).map(([name, value]) => [optionKey(name), value]),
  );
  const planned = planWorkflows(
    workflows,
    variables,
    request.workflow,
    { overrides, runName: request.runName },
    report,
  );
  throwProblems(problems);
  checkOverrides(planned, request);
  const specs = planned.map((one) => createJobSpec(one, request, report));
  reportOverlaps(planned, specs, report);
  throwProblems(problems);
  return specs;
}

/**
 * The first half of a plan: the workflows in dependency order, with their variables.
 * @throws DstackError `unknown-workflow`
 */
export function planWorkflows(
  workflows: Workflows,
  variables: Variables,
  name: string,
  values: { readonly overrides: ReadonlyMap<string, string>; readonly runName: string },
  report: Report,
): PlannedWorkflow[] {
  const root = findWorkflow(workflows, name);
  for (const { key } of variables.sections.values()) {
    if (workflows.has(key.text)) continue;
    report({
      span: key.span,
      message: `there is no workflow ${quoted(key.text)} that could have variables`,
      unknown: { word: key.text, known: ['global', ...workflows.keys()] },
    });
  }
  return dependencyOrder(root, workflows, variables, { ...values, spend: createBudget() }, report);
}

function findWorkflow(workflows: Workflows, name: string): Workflow {
  const found = workflows.get(name);
  if (found) return found;
  const names = [...workflows.keys()];
  const guess = nearest(name, names);
  throw usageError(
    'unknown-workflow',
    `there is no workflow ${quoted(name)}${guess ? `; did you mean ${quoted(guess)}?` : ''}`,
    `The workflows there are: ${listed(names)}`,
  );
}

function checkOverrides(planned: readonly PlannedWorkflow[], { workflow, overrides }: PlanRequest): void {
  const names = new Map(
    [...planned]
      .reverse()
      .flatMap(({ scope }) => [...scope.relevant.keys()].map((name) => [optionKey(name), name])),
  );
  const options = [...names.values()].map(optionName);
  for (const name of Object.keys(overrides)) {
    if (names.has(optionKey(name))) continue;
    const guess = nearest(optionName(name), options);
    throw usageError(
      'unknown-variable',
      `${quoted(workflow)} has no variable ${quoted(name)}${guess ? `; did you mean ${quoted(guess)}?` : ''}`,
      options.length > 0
        ? `The variables there are: ${listed(options)}`
        : 'Declare variables in .dstack/variables.yaml, under `global` or the name of the workflow.',
    );
  }
}
