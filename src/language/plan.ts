import { usageError } from '../errors.ts';
import { createBudget } from './budget.ts';
import { createJobSpecs } from './create-job-specs.ts';
import { dependencyOrder, type PlannedWorkflow } from './dependency-order.ts';
import type { JobSpec } from './job-spec.ts';
import { mostJobs } from './matrix-cells.ts';
import { optionKey, optionName } from './names.ts';
import { nearest } from './nearest.ts';
import type { PlanRequest } from './plan-request.ts';
import { type Need, type PlannedJob, planJobs } from './planned-jobs.ts';
import { createReport, listed, quoted, type Report, throwProblems } from './problems.ts';
import type { Variables } from './variables.ts';
import { createScopes, type ScopeRequest } from './workflow-scope.ts';
import type { Workflow, Workflows } from './workflows.ts';

/**
 * The jobs of a run, in dependency order: everything that the workflow asked for depends on, and last that itself; for
 * a workflow with a matrix one job for each cell.
 *
 * An override applies to the workflow asked for and to each one it depends on that declares the variable, for
 * itself or through `global`: a run has one value for a name wherever it is overridden.
 *
 * @throws DstackError `unknown-workflow`, `unknown-variable` (usage); `plan-too-large`; `invalid-workflows` with
 *   everything that is wrong in the files, as far as this plan is concerned
 */
export function plan(workflows: Workflows, variables: Variables, request: PlanRequest): JobSpec[] {
  return tracedPlan(workflows, variables, request).specs;
}

/** A plan, and what of its request had a part in it: without that it is the same for any other. */
export interface TracedPlan {
  readonly specs: JobSpec[];
  readonly used: { readonly runName: boolean; readonly tags: boolean };
}

/** As {@link plan}; large plans take long, and one that need not be made again is worth knowing. */
export function tracedPlan(workflows: Workflows, variables: Variables, request: PlanRequest): TracedPlan {
  const used = { runName: false, tags: false };
  const { report, problems } = createReport();
  const root = findWorkflow(workflows, request.workflow);
  const overrides = new Map(
    Object.entries(request.overrides).map(([name, value]) => [optionKey(name), value]),
  );
  const onRunName = () => {
    used.runName = true;
  };
  const values = { overrides, runName: request.runName, onRunName };
  const planned = planWorkflows(workflows, variables, [root], values, report);
  // In a broken plan there are fewer variables than there should be.
  if (problems().length === 0) checkOverrides(planned, request);
  const { environment } = request;
  const resolveTag: PlanRequest['resolveTag'] = (...named) => {
    used.tags = true;
    return request.resolveTag(...named);
  };
  const specs = createJobSpecs(planned, { environment, resolveTag }, report);
  throwProblems(problems());
  return { specs, used };
}

/** The first half of a plan: workflows and what they depend on, in dependency order, with their variables. */
export function planWorkflows(
  workflows: Workflows,
  variables: Variables,
  roots: readonly Workflow[],
  values: Omit<ScopeRequest, 'spend'>,
  report: Report,
  limits = { jobs: mostJobs, spend: createBudget() },
): PlannedWorkflow[] {
  for (const { key } of variables.sections.values()) {
    if (workflows.has(key.text)) continue;
    report({
      span: key.span,
      message: `there is no workflow ${quoted(key.text)} that could have variables`,
      unknown: { word: key.text, known: ['global', ...workflows.keys()] },
    });
  }
  let count = 0;
  return dependencyOrder(
    roots,
    (workflow) => {
      const scopes = createScopes(workflow, variables, { ...values, spend: limits.spend }, report);
      const jobs = planJobs(workflow, scopes, workflows, report);
      count += Math.max(jobs.length, 1);
      if (count <= limits.jobs) return { workflow, jobs, needs: allNeeds(jobs) };
      const span = workflow.matrix?.key.span ?? workflow.name.span;
      report({ span, message: `with this workflow there are more than ${limits.jobs} jobs` });
      return { workflow, jobs: [], needs: [] };
    },
    workflows,
    report,
  );
}

function allNeeds(jobs: readonly PlannedJob[]): Need[] {
  const distinct = new Set(jobs.map(({ needs }) => needs));
  const needs = new Map<string, Need>();
  for (const need of [...distinct].flat()) {
    const key = `${need.workflow ?? ''}:${need.tag ?? ''}`;
    if (!needs.has(key)) needs.set(key, need);
  }
  return [...needs.values()];
}

/** @throws DstackError `unknown-workflow` (usage) */
export function findWorkflow(workflows: Workflows, name: string): Workflow {
  const found = workflows.get(name);
  if (found) return found;
  const names = [...workflows.keys()];
  const guess = nearest(name, names);
  throw usageError(
    'unknown-workflow',
    `there is no workflow ${quoted(name)}${guess ? `; did you mean ${quoted(guess)}?` : ''}`,
    `the workflows there are: ${listed(names)}`,
  );
}

function checkOverrides(planned: readonly PlannedWorkflow[], { workflow, overrides }: PlanRequest): void {
  const names = new Map(
    [...planned]
      .reverse()
      .flatMap(({ jobs }) =>
        [...(jobs[0]?.scope.relevant().keys() ?? [])].map((name) => [optionKey(name), name]),
      ),
  );
  const options = [...names.values()].map(optionName);
  for (const name of Object.keys(overrides)) {
    if (names.has(optionKey(name))) continue;
    const guess = nearest(optionName(name), options);
    throw usageError(
      'unknown-variable',
      `${quoted(workflow)} has no variable ${quoted(name)}${guess ? `; did you mean ${quoted(guess)}?` : ''}`,
      options.length > 0
        ? `the variables there are: ${listed(options)}`
        : 'declare variables in .dstack/variables.yaml, under `global` or the name of the workflow',
    );
  }
}
