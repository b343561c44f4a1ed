import { usageError } from '../errors.ts';
import { requireGit } from '../git/git-version.ts';
import { openRefUpdater } from '../git/ref-updater.ts';
import type { JobSpec } from '../language/job-spec.ts';
import type { Workflows } from '../language/workflows.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { drawRunName } from '../ledger/names.ts';
import { planRun } from '../ledger/plan-run.ts';
import { findRunCommit, type RunCommit, readJob } from '../ledger/runs.ts';
import { listTags, resolveTag } from '../ledger/tags.ts';
import { onInterrupt } from './interrupt.ts';
import { locateRun } from './open-state.ts';
import { byDeclaredName, type Request, rememberResults } from './prepare-request.ts';
import { localLedgerPath, openLocalLedger, openProject, type Project } from './project.ts';
import { checkSubmitOptions, type SubmitOptions, submitAndFollow } from './submit-and-follow.ts';
import { parseVariableOptions } from './variable-options.ts';
import { readWorkflowsOf } from './workflow-files.ts';

/** `dstack rerun RUN`: the code, workflow and variables of a run once more, under another name. */
export async function rerun(
  first: string,
  rest: string[],
  given: SubmitOptions & { dryRun?: true },
): Promise<void> {
  const { workflow: name, overrides } = parseVariableOptions([first, ...rest]);
  if (name === null)
    throw usageError('missing-run', 'which run? dstack rerun RUN', '`dstack status` lists them');
  checkSubmitOptions(given);
  const interruption = onInterrupt(() => process.exit(130));
  try {
    await requireGit();
    const project = await openProject();
    const { ledger: home, run } = await locateRun(project, name);
    const source = await findRunCommit(home, run.name);
    if (!source) throw new Error(`${run.name} has gone`);
    await home.shared.obtain([source.commit]);
    // Nobody else would execute what is in the project's own repository.
    const local = given.local || home.shared.remote === localLedgerPath(project);
    if (local && given.detach) {
      throw usageError(
        'contradiction',
        `${run.name} is a run of --local: again it runs in this process, so it can't --detach`,
        'leave out --detach, or send it to the shared repository first: `dstack sync --push`',
      );
    }
    const ledger = local ? await openLocalLedger(project, true) : home;
    if (!ledger) throw new Error('unreachable');
    const options = {
      ...given,
      reason: given.reason ?? `rerun of ${run.name}`,
      ...(local && { local: true as const }),
    };
    const request = await requestFor(project, { home, ledger, source, overrides });
    if (given.dryRun) {
      const { printPlan } = await import('./plan-output.ts');
      return await printPlan(request, options.name ?? drawRunName(), options);
    }
    await submitAndFollow(request, options, interruption);
  } finally {
    interruption.release();
  }
}

async function requestFor(
  project: Project,
  from: { home: Ledger; ledger: Ledger; source: RunCommit; overrides: Record<string, string> },
): Promise<Request> {
  const { home, ledger, source } = from;
  const { workflows, variables } = await readWorkflowsOf(home, source);
  const specs = await specsOf(home, source);
  const given = byDeclaredName(from.overrides, new Set(specs.flatMap((spec) => Object.keys(spec.variables))));
  const overrides = { ...source.message.variables, ...given };
  const tags = await listTags(ledger);
  const { workflow } = source.message;
  const planFor = (runName: string) =>
    planRun(
      project.repository,
      source.tree,
      workflows,
      variables,
      {
        workflow,
        overrides,
        runName,
        environment: { ...process.env, ...passedOn(workflows, specs) },
        // A tag may have moved since; what the run depended on has not.
        resolveTag: (tag, job) => recordedInputs(specs, job) ?? resolveTag(tags, tag, job),
      },
      rememberResults(ledger),
    );
  return {
    project,
    ledger,
    ownRefs: openRefUpdater(project.repository.gitDir),
    workflow,
    overrides,
    snapshot: { tree: source.tree, parent: source.parent },
    captured: `the code of ${source.name}`,
    planFor,
  };
}

async function specsOf(ledger: Ledger, source: RunCommit): Promise<JobSpec[]> {
  const names = [...source.message.jobs.keys()];
  const jobs = await Promise.all(names.map((job) => readJob(ledger, source, job)));
  return jobs.flatMap((job) => job?.spec ?? []);
}

/** What its jobs were given of the environment that the run was submitted from. */
function passedOn(workflows: Workflows, specs: readonly JobSpec[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { workflow, env } of specs) {
    for (const { name, value } of workflows.get(workflow)?.env ?? []) {
      const passed = value === null ? env[name.text] : undefined;
      if (passed !== undefined) values[name.text] = passed;
    }
  }
  return values;
}

/** The jobs of an earlier run that the jobs depended on; null if it can't be told which are meant. */
function recordedInputs(
  specs: readonly JobSpec[],
  workflow: string | null,
): { run: string; job: string }[] | null {
  const inputs = new Map<string, { run: string; job: string }>();
  const isMeant = (job: string) =>
    workflow === null || (job.startsWith(workflow) && /^(-\d+)?$/.test(job.slice(workflow.length)));
  for (const { run, job } of specs.flatMap(({ dependsOn }) => dependsOn)) {
    if (run !== null && isMeant(job)) inputs.set(`${run}/${job}`, { run, job });
  }
  const runs = new Set([...inputs.values()].map(({ run }) => run));
  return runs.size === 1 ? [...inputs.values()] : null;
}
