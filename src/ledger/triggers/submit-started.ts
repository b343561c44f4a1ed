import { DstackError } from '../../errors.ts';
import { decodePath } from '../../git/raw-path.ts';
import { listTree } from '../../git/trees.ts';
import { fileFilter } from '../../language/file-filter.ts';
import type { JobSpec } from '../../language/job-spec.ts';
import { plan, tracedPlan } from '../../language/plan.ts';
import type { PlanRequest } from '../../language/plan-request.ts';
import type { Variables } from '../../language/variables.ts';
import { placeholderRunName } from '../../language/workflow-scope.ts';
import type { Workflows } from '../../language/workflows.ts';
import type { Ledger } from '../ledger.ts';
import { planRun } from '../plan-run.ts';
import { type PreparedRun, prepareRun, type RunRequest } from '../prepare-run.ts';
import { resultKey } from '../result-key.ts';
import { submitRun } from '../submit.ts';
import { listTags, resolveTag } from '../tags.ts';
import type { PushedCommit } from './pushed-files.ts';
import { withinTime } from './within-time.ts';

/** A run that nobody asked for at a terminal. Whoever sees its cause makes the same of it. */
export interface Started {
  readonly run: string;
  readonly workflow: string;
  readonly commit: PushedCommit;
  /** For people. */
  readonly reason: string;
  /** For programs, as the run commit has it. */
  readonly trigger: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What the files of a commit say. */
export interface Project {
  readonly workflows: Workflows;
  readonly variables: Variables;
}

/** The jobs of a run that was started. @throws DstackError what is wrong with the files, or the plan */
export async function planStarted(
  ledger: Ledger,
  { workflows, variables }: Project,
  { run, workflow, commit }: Started,
): Promise<RunRequest['jobs']> {
  const usesTags = [...workflows.values()].some(({ dependsOn }) =>
    dependsOn.references.some(({ tag }) => tag),
  );
  const tags = usesTags ? await listTags(ledger) : new Map();
  const request: PlanRequest = {
    workflow,
    overrides: {},
    runName: run,
    // Nobody's environment is the submitter's.
    environment: {},
    resolveTag: (tag, job) => resolveTag(tags, tag, job),
  };
  const early = withinTime(() =>
    tracedPlan(workflows, variables, { ...request, runName: placeholderRunName }),
  );
  const specs = early.used.runName ? withinTime(() => plan(workflows, variables, request)) : early.specs;
  await checkPatterns(ledger, commit, specs);
  const jobs = await planRun(
    ledger.shared.local,
    commit.tree,
    workflows,
    variables,
    request,
    (earlier, job) => resultKey(ledger, { run: earlier, job }),
    early,
  );
  return jobs.map((job) => ({ ...job, useCache: true }));
}

/** What matches the files that jobs depend on must not take for ever, here or on the runner. @throws `takes-too-long` */
async function checkPatterns(ledger: Ledger, commit: PushedCommit, specs: readonly JobSpec[]): Promise<void> {
  const choices = new Map(specs.flatMap(({ files }) => (files ? [[JSON.stringify(files), files]] : [])));
  if (choices.size === 0) return;
  const paths = (await listTree(ledger.shared.local, commit.tree)).map(({ path }) => decodePath(path));
  withinTime(() => {
    for (const files of choices.values()) paths.filter(fileFilter(files));
  });
}

/**
 * Submits a run that was started: its commit has the pushed one as its parent and the same files.
 * @returns null if there is a run of that name, which is this one
 * @throws DstackError `unreachable` and the like; afterwards it may be tried again, by anybody
 */
export async function submitStarted(
  ledger: Ledger,
  { run, workflow, commit, reason, trigger, time }: Started,
  jobs: RunRequest['jobs'],
): Promise<PreparedRun | null> {
  const prepared = await prepareRun(ledger, {
    run,
    workflow,
    overrides: {},
    reason,
    trigger,
    tree: commit.tree,
    parent: commit.id,
    author: { ...commit.committer, time },
    jobs,
  });
  if ((await submitRun(ledger, prepared)) === 'submitted') return prepared;
  const { shared, names } = ledger;
  if ((await shared.tips([names.run(run)])).has(names.run(run))) return null;
  throw new DstackError('busy', `somebody is submitting ${run} to ${ledger.shared.location}`, {
    hint: 'try again; what a submission that was killed has left is removed after a day',
  });
}
