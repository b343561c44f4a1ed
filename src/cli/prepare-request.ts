import { requireGit } from '../git/git-version.ts';
import { openRefUpdater, type RefUpdater } from '../git/ref-updater.ts';
import { type Snapshot, takeSnapshot } from '../git/snapshot.ts';
import { optionKey } from '../language/names.ts';
import { tracedPlan } from '../language/plan.ts';
import { placeholderRunName } from '../language/workflow-scope.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type PlannedJob, planRun } from '../ledger/plan-run.ts';
import { jobName } from '../ledger/refs.ts';
import { resultKey } from '../ledger/result-key.ts';
import { listTags, resolveTag, tagExists } from '../ledger/tags.ts';
import { formatBytes } from '../tui/duration.ts';
import { confirmFirstPush } from './confirm-first-push.ts';
import { openLocalLedger, openProject, openRemoteLedger, type Project, remoteOf } from './project.ts';
import { plural, warn } from './terminal.ts';
import { readWorkflows } from './workflow-files.ts';

export interface RunOptions {
  detach?: true;
  local?: true;
  cache: boolean;
  dryRun?: true;
  name?: string;
  tag?: string;
  reason?: string;
  priority?: number;
  allowLarge?: true;
  allowSecret?: string[];
  notify?: true;
  json?: true;
  help?: true;
}

/** Everything about a run but its name. */
export interface Request {
  readonly project: Project;
  readonly ledger: Ledger;
  /** Changes refs of the user's own repository. */
  readonly ownRefs: RefUpdater;
  readonly workflow: string;
  readonly overrides: Readonly<Record<string, string>>;
  readonly snapshot: { readonly tree: string; readonly parent: string | null };
  /** What the snapshot has that is in no commit of the user's, in words. */
  readonly captured: string;
  planFor(runName: string): Promise<PlannedJob[]>;
}

/** Checks the request and records the work tree. Nothing is visible to anybody yet. */
export async function prepareRequest(
  workflow: string,
  overrides: Record<string, string>,
  options: RunOptions,
  signal: AbortSignal,
): Promise<Request> {
  const project = await openProjectByNewGit();
  const opening = ledgerFor(project, options);
  // Mistakes in the request come before what is wrong elsewhere, and before anything slow.
  opening.catch(() => {});
  const { workflows, variables } = await readWorkflows(project);
  const request = { workflow, overrides, environment: process.env };
  const early = tracedPlan(workflows, variables, {
    ...request,
    runName: placeholderRunName,
    resolveTag: () => [{ run: 'a', job: 'a' }],
  });
  const ledger = await (await opening)();
  if (!options.local && !options.dryRun) await confirmFirstPush(project);
  const ownRefs = openRefUpdater(project.repository.gitDir);
  const { snapshot: allowed } = project.config;
  const listing = listTags(ledger);
  // What is wrong with the snapshot comes first.
  listing.catch(() => {});
  const snapshot = await takeSnapshot(project.repository, {
    allowLarge: options.allowLarge ?? allowed.allowLarge,
    allowSecrets: [...allowed.allowSecrets, ...(options.allowSecret ?? [])],
    signal,
    meanwhile() {
      if (options.dryRun) return;
      void ledger.who;
      ownRefs.start();
      ledger.shared.expectPush?.();
    },
  });
  for (const warning of snapshot.warnings) warn(warning);
  const tags = await listing;
  if (options.tag !== undefined && tags.has(options.tag) && !options.dryRun) {
    throw tagExists(options.tag);
  }
  const resultOf = rememberResults(ledger);
  const planFor = (runName: string) =>
    planRun(
      project.repository,
      snapshot.tree,
      workflows,
      variables,
      { ...request, runName, resolveTag: (tag, job) => resolveTag(tags, tag, job) },
      resultOf,
      early,
    );
  const recorded = byDeclaredName(
    overrides,
    new Set(early.specs.flatMap((spec) => Object.keys(spec.variables))),
  );
  return {
    project,
    ledger,
    ownRefs,
    workflow,
    overrides: recorded,
    snapshot,
    captured: captured(snapshot),
    planFor,
  };
}

/** An old Git is named as such, whatever else it fails at; asking for its version takes no time of its own. */
async function openProjectByNewGit(): Promise<Project> {
  const [version, project] = await Promise.allSettled([requireGit(), openProject()]);
  if (version.status === 'rejected') throw version.reason;
  if (project.status === 'rejected') throw project.reason;
  return project.value;
}

/**
 * Opens the shared repository, as far as that changes nothing.
 * @returns does the rest
 * @throws DstackError `no-remote` if more than a plan is asked for
 */
async function ledgerFor(
  project: Project,
  options: Pick<RunOptions, 'local' | 'dryRun'>,
): Promise<() => Promise<Ledger>> {
  const planOnly = !options.local && options.dryRun && (await remoteOf(project)) === null;
  if (!options.local && !planOnly) {
    const ledger = await openRemoteLedger(project);
    return async () => ledger;
  }
  return async () => {
    if (planOnly) {
      warn(
        'this project has no shared repository, so the plan is that of `--local`; to run it, add `--local`, or name one: `dstack init --remote URL`, `dstack init --create PATH`',
      );
    }
    const ledger = await openLocalLedger(project, true);
    if (!ledger) throw new Error('unreachable');
    return ledger;
  };
}

/** {@link resultKey} of jobs of earlier runs, each looked up once. */
export function rememberResults(ledger: Ledger): (run: string, job: string) => Promise<string | null> {
  const results = new Map<string, Promise<string | null>>();
  return (run, job) => {
    const key = jobName({ run, job });
    const result = results.get(key) ?? resultKey(ledger, { run, job });
    results.set(key, result);
    return result;
  };
}

/** On the command line `-` and `_` are the same; what is recorded bears the name that the files have. */
export function byDeclaredName(
  overrides: Readonly<Record<string, string>>,
  declared: ReadonlySet<string>,
): Record<string, string> {
  const names = new Map([...declared].map((name) => [optionKey(name), name]));
  return Object.fromEntries(
    Object.entries(overrides).map(([name, value]) => [names.get(optionKey(name)) ?? name, value]),
  );
}

/** `2 changed files, 1 untracked file, 1.2MB`. */
function captured({ stats: { changed, untracked, bytes } }: Snapshot): string {
  if (changed + untracked === 0) return 'no uncommitted changes';
  return [
    ...(changed > 0 ? [plural(changed, 'changed file')] : []),
    ...(untracked > 0 ? [plural(untracked, 'untracked file')] : []),
    formatBytes(bytes),
  ].join(', ');
}
