/** A project as a test makes it up, and what each of its jobs depends on, told without looking at the code under test. */

/** A pattern of `include` or `exclude`, and which paths it means. */
export interface Pattern {
  readonly glob: string;
  readonly means: (path: string) => boolean;
}

export interface WorldWorkflow {
  name: string;
  /** A word in its command. */
  label: string;
  image: string | null;
  workingDir: string;
  /** Null: all files. */
  include: readonly Pattern[] | null;
  exclude: readonly Pattern[];
  /** Null: all variables. */
  variables: readonly string[] | null;
  env: string;
  needs: WorldWorkflow[];
  /** Values of its matrix; one: it has none. */
  cells: readonly string[];
  artifact: string;
  /** Its command has the run's name in it. */
  namesRun: boolean;
}

export interface World {
  readonly files: Map<string, { content: string; executable: boolean }>;
  readonly variables: Map<string, string>;
  /** Each after what it needs. */
  readonly workflows: WorldWorkflow[];
  /** A comment at the top of the workflows. */
  comment: string;
}

export const patterns: readonly Pattern[] = [
  { glob: 'a/f0.py', means: (path) => path === 'a/f0.py' },
  { glob: './a/f1.py', means: (path) => path === 'a/f1.py' },
  { glob: 'b', means: (path) => path.startsWith('b/') },
  { glob: 'b/deep/', means: (path) => path.startsWith('b/deep/') },
  { glob: 'a/**', means: (path) => path.startsWith('a/') },
  { glob: '**/*.md', means: (path) => path.endsWith('.md') },
  { glob: '*.txt', means: (path) => /^[^/]*\.txt$/.test(path) },
  { glob: 'c/[fg]?.py', means: (path) => /^c\/[fg][^/]\.py$/.test(path) },
];

export const paths = ['a', 'b', 'b/deep', 'c']
  .flatMap((folder) => ['f0.py', 'f1.py', 'n.md'].map((name) => `${folder}/${name}`))
  .concat(['top.txt', 'README.md', '.hidden.md', 'b/deep/ünï.md']);

/** The text of `workflows.yaml`; JSON is YAML. */
export function workflowsText(world: World): string {
  const workflows = world.workflows.map((workflow) => {
    const used = usedBy(world, workflow);
    const words = [workflow.label, ...[...used.keys()].map((name) => `$${name}`)];
    if (workflow.cells.length > 1) words.push('${{ matrix.cell }}');
    if (workflow.namesRun) words.push('$run_name', '$job_id');
    return {
      name: workflow.name,
      ...(workflow.image !== null && { image: workflow.image }),
      commands: [`echo ${words.join(' ')}`],
      'depends-on': {
        workflows: workflow.needs.map(({ name }) => name),
        ...(workflow.include && {
          repo: {
            include: workflow.include.map(({ glob }) => glob),
            exclude: workflow.exclude.map(({ glob }) => glob),
          },
        }),
        ...(workflow.variables && { variables: workflow.variables }),
      },
      env: { SETTING: workflow.env },
      working_dir: workflow.workingDir,
      artifacts: [workflow.artifact],
      ...(workflow.cells.length > 1 && { matrix: { cell: workflow.cells } }),
    };
  });
  return `# ${world.comment}\n${JSON.stringify({ workflows }, null, 1)}\n`;
}

export function variablesText(world: World): string {
  return `${JSON.stringify({ variables: { global: Object.fromEntries(world.variables) } }, null, 1)}\n`;
}

/** Everything of the project that becomes a snapshot. */
export function snapshotOf(world: World): Map<string, { content: string; executable: boolean }> {
  return new Map([
    ...world.files,
    ['.dstack/workflows.yaml', { content: workflowsText(world), executable: false }],
    ['.dstack/variables.yaml', { content: variablesText(world), executable: false }],
  ]);
}

function usedBy(
  world: World,
  { variables }: WorldWorkflow,
  overrides: Readonly<Record<string, string>> = {},
) {
  const names = variables ?? [...world.variables.keys()];
  return new Map(names.map((name) => [name, overrides[name] ?? world.variables.get(name) ?? '']));
}

/**
 * What the jobs of a run can see, by their names: two that see the same have the same result, and no two others
 * have. For one with dependencies that has what they see in it.
 */
export function whatJobsSee(
  world: World,
  root: WorldWorkflow,
  overrides: Readonly<Record<string, string>>,
): Map<string, string> {
  const seen = new Map<string, string>();
  const snapshot = [...snapshotOf(world)].sort(([a], [b]) => (a < b ? -1 : 1));
  const jobsOf = ({ name, cells }: WorldWorkflow) =>
    cells.length > 1 ? cells.map((_, index) => `${name}-${index + 1}`) : [name];
  const visit = (workflow: WorldWorkflow): void => {
    const jobs = jobsOf(workflow);
    if (seen.has(jobs[0] as string)) return;
    for (const need of workflow.needs) visit(need);
    const { include, exclude } = workflow;
    const files = snapshot.filter(
      ([path]) =>
        include === null ||
        ((include.length === 0 || include.some(({ means }) => means(path))) &&
          !exclude.some(({ means }) => means(path))),
    );
    const inputs = workflow.needs.flatMap((need) =>
      // The artifacts of cells lie in folders that are called after them.
      jobsOf(need).map((job) => `${need.cells.length > 1 ? job : ''} ${seen.get(job)}`),
    );
    for (const [index, job] of jobs.entries()) {
      const { label, image, workingDir, env, artifact, namesRun } = workflow;
      const cell = workflow.cells.length > 1 ? workflow.cells[index] : null;
      const variables = [...usedBy(world, workflow, overrides)];
      // The order of variables in a command is a part of it.
      const own = { label, image, workingDir, env, artifact, namesRun, cell, variables, files };
      seen.set(job, JSON.stringify([own, inputs.sort()]));
    }
  };
  visit(root);
  return seen;
}
