import { createBudget } from './budget.ts';
import { createJobSpecs } from './create-job-specs.ts';
import type { PlannedWorkflow } from './dependency-order.ts';
import { mostJobs } from './matrix-cells.ts';
import { planWorkflows } from './plan.ts';
import { createReport, type Report, throwProblems } from './problems.ts';
import type { Source } from './source.ts';
import { collectVariables, type Variables } from './variables.ts';
import { placeholderRunName } from './workflow-scope.ts';
import { collectWorkflows, type Workflows } from './workflows.ts';

/** Of all workflows together: one plan has {@link mostJobs} at most. */
const limits = { jobs: 5 * mostJobs, characters: 20_000_000 };

/**
 * Reads all files of a project.
 * @throws DstackError `no-workflows`; `invalid-workflows` with everything that is wrong in any of them, also what would
 *   only show in the plan of some workflow; `plan-too-large`
 */
export function readProject(
  files: readonly Source[],
  variablesFile: Source | null,
): { workflows: Workflows; variables: Variables } {
  const { report, problems } = createReport();
  const workflows = collectWorkflows(files, report);
  const variables = collectVariables(variablesFile, report);
  const read = { workflows: workflows.workflows, variables: variables.variables };
  // Where names are missing, whoever refers to them would be blamed.
  if (problems().length > 0 && workflows.whole && variables.whole)
    planAll(read.workflows, read.variables, report);
  throwProblems(problems());
  return read;
}

/**
 * Plans every workflow, so that whatever `dstack run` would complain of shows now.
 * @returns every workflow, in dependency order
 * @throws DstackError `invalid-workflows` with everything that is wrong; `plan-too-large`
 */
export function checkWorkflows(workflows: Workflows, variables: Variables): PlannedWorkflow[] {
  const { report, problems } = createReport();
  const planned = planAll(workflows, variables, report);
  throwProblems(problems());
  return planned;
}

function planAll(workflows: Workflows, variables: Variables, report: Report): PlannedWorkflow[] {
  const roots = [...workflows.values()];
  const values = { overrides: new Map<string, string>(), runName: placeholderRunName };
  const planned = planWorkflows(workflows, variables, roots, values, report, {
    jobs: limits.jobs,
    spend: createBudget(limits.characters),
  });
  createJobSpecs(
    planned,
    {
      // What is set here and now is no question to the files.
      environment: Object.fromEntries(roots.flatMap(({ env }) => env.map(({ name }) => [name.text, '']))),
      // Whether a tag exists is a question to the shared repository, not to the files.
      resolveTag: (_tag, job) => [{ run: 'tagged', job: job ?? 'tagged' }],
    },
    report,
  );
  reportLargePlans(planned, report);
  return planned;
}

function reportLargePlans(planned: readonly PlannedWorkflow[], report: Report): void {
  if (planned.reduce((sum, { jobs }) => sum + jobs.length, 0) <= mostJobs) return;
  const byName = new Map(planned.map((one) => [one.workflow.name.text, one]));
  for (const root of planned) {
    const seen = new Set([root]);
    let jobs = 0;
    // A set goes on with what is added to it meanwhile.
    for (const { jobs: own, needs } of seen) {
      jobs += own.length;
      if (jobs > mostJobs) break;
      for (const need of needs) {
        const needed = need.tag === null ? byName.get(need.workflow) : undefined;
        if (needed) seen.add(needed);
      }
    }
    if (jobs <= mostJobs) continue;
    const { span } = root.workflow.name;
    report({ span, message: `with all that it depends on, this has more than ${mostJobs} jobs` });
  }
}
