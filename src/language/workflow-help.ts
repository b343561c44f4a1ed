import { optionKey, optionName } from './names.ts';
import { findWorkflow, planWorkflows } from './plan.ts';
import { createReport, throwProblems } from './problems.ts';
import type { Variables } from './variables.ts';
import { placeholderRunName } from './workflow-scope.ts';
import type { Workflows } from './workflows.ts';

export interface WorkflowHelp {
  readonly name: string;
  readonly help: string | null;
  /** What can be given on the command line: the workflow's variables, then those of what it depends on. */
  readonly variables: readonly VariableHelp[];
  /** What each of its cells has a value of; null without a matrix. */
  readonly matrix: readonly string[] | null;
  /** How many jobs it is itself. */
  readonly jobs: number;
  /** The workflows it depends on, in the order in which they run. */
  readonly dependsOn: readonly string[];
}

export interface VariableHelp {
  /** As declared. */
  readonly name: string;
  /** `--learning-rate`. */
  readonly option: string;
  /** As written; may refer to other variables. Where workflows differ in it, the one nearest to the workflow asked for. */
  readonly default: string;
  /** The workflows of the plan on which it has an effect. */
  readonly workflows: readonly string[];
}

/**
 * What `dstack run NAME --help` shows.
 * @throws DstackError `unknown-workflow` (usage), `invalid-workflows`
 */
export function workflowHelp(workflows: Workflows, variables: Variables, name: string): WorkflowHelp {
  const { report, problems } = createReport();
  const values = { overrides: new Map<string, string>(), runName: placeholderRunName };
  const planned = planWorkflows(workflows, variables, [findWorkflow(workflows, name)], values, report);
  throwProblems(problems());
  const found = new Map<string, { name: string; default: string; workflows: string[] }>();
  for (const { workflow, jobs } of [...planned].reverse()) {
    for (const declaration of jobs[0]?.scope.relevant().values() ?? []) {
      const key = optionKey(declaration.name.text);
      const known = found.get(key) ?? {
        name: declaration.name.text,
        default: declaration.value?.text ?? '',
        workflows: [],
      };
      known.workflows.push(workflow.name.text);
      found.set(key, known);
    }
  }
  const own = planned.at(-1)?.jobs ?? [];
  const names = new Set(own.flatMap(({ values }) => [...(values?.keys() ?? [])]));
  return {
    name,
    matrix: workflows.get(name)?.matrix ? [...names] : null,
    jobs: own.length,
    help: workflows.get(name)?.help ?? null,
    variables: [...found.values()].map((variable) => ({ ...variable, option: optionName(variable.name) })),
    dependsOn: planned.slice(0, -1).map(({ workflow }) => workflow.name.text),
  };
}
