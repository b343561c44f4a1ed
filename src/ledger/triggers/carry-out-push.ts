import { decodePath } from '../../git/raw-path.ts';
import { diffTrees } from '../../git/trees.ts';
import { readProject } from '../../language/check-workflows.ts';
import type { PushEvent, ScheduleWish } from './moves.ts';
import { nameOfPushed } from './names.ts';
import {
  obtainPushed,
  type ProjectTexts,
  type PushedCommit,
  type PushLedger,
  readProjectTexts,
} from './pushed-files.ts';
import { isDealtWith, reject } from './reject.ts';
import { type Project, planStarted, type Started, submitStarted } from './submit-started.ts';
import { asksForPaths, schedulesOf, startedByPush } from './wanted.ts';
import { problemOf, withinTime } from './within-time.ts';

/** Runs that a call has submitted; another one may have pushed the very same at the same time. */
export interface Submitted {
  readonly submitted: string[];
  /** As failed, and why. */
  readonly rejected: { run: string; problem: string }[];
}

/** What became of a push. */
export interface CarriedOut extends Submitted {
  /** What the workflows say of schedules; null: the commit isn't there any more. */
  readonly schedules: { commit: string; wishes: readonly ScheduleWish[] } | null;
}

/** Stands for the workflow where the files can't be read; which there are isn't known. */
const unreadable = 'workflows';

/**
 * Submits what a push starts. Whoever does it makes the same runs of it, and each is created once; so it may be done by
 * several, and again after a failure.
 * @throws DstackError `unreachable` and the like; what is wrong with what was pushed is recorded as a run that failed
 */
export async function carryOutPush(ledger: PushLedger, event: PushEvent): Promise<CarriedOut> {
  const commit = await obtainPushed(ledger, event.to);
  if (commit === null) return { submitted: [], rejected: [], schedules: null };
  const nothing = { submitted: [], rejected: [], schedules: { commit: commit.id, wishes: [] } };
  let texts: ProjectTexts | null = null;
  let project: Project;
  let changed: string[] | null;
  let workflows: string[];
  let wishes: ScheduleWish[];
  try {
    texts = await readProjectTexts(ledger, commit.id);
    if (texts === null) return nothing;
    project = understand(texts);
    wishes = schedulesOf(project.workflows);
    const asks = !event.first && withinTime(() => asksForPaths(project.workflows, event.ref));
    changed = asks ? await changedPaths(ledger, event, commit) : null;
    workflows = event.first ? [] : withinTime(() => startedByPush(project.workflows, event.ref, changed));
  } catch (error) {
    const problem = problemOf(error);
    // What is broken in files that start nothing is found by whoever runs them.
    if (event.first || (texts && !speaksOfTriggers(texts))) return nothing;
    const started = startedBy(event, commit, unreadable);
    const told = !(await isDealtWith(ledger, started.run)) && (await reject(ledger, started, problem));
    return { ...nothing, rejected: told ? [{ run: started.run, problem }] : [] };
  }
  const done: Submitted = { submitted: [], rejected: [] };
  for (const workflow of workflows) {
    await submitOrReject(ledger, project, startedBy(event, commit, workflow), done);
  }
  return { ...done, schedules: { commit: commit.id, wishes } };
}

/** @param done what comes of it is added there */
export async function submitOrReject(
  ledger: PushLedger,
  project: Project,
  started: Started,
  done: Submitted,
): Promise<void> {
  const { run } = started;
  if (await isDealtWith(ledger, run)) return;
  let problem: string;
  try {
    const jobs = await planStarted(ledger, project, started);
    if (await submitStarted(ledger, started, jobs)) done.submitted.push(run);
    return;
  } catch (error) {
    problem = problemOf(error);
  }
  if (await reject(ledger, started, problem)) done.rejected.push({ run, problem });
}

/** @throws DstackError with everything that is wrong in the files */
export function understand({ workflows, variables }: ProjectTexts): Project {
  return withinTime(() => readProject(workflows, variables));
}

function startedBy(event: PushEvent, commit: PushedCommit, workflow: string): Started {
  const [, kind, ...name] = event.ref.split('/');
  return {
    run: nameOfPushed(workflow, event.ref, commit.id),
    workflow,
    commit,
    // Who has pushed it nobody knows.
    reason: `push of ${kind === 'tags' ? 'the tag ' : ''}${name.join('/')}, committed by ${commit.committer.name}`,
    trigger: `push ${event.ref}`,
    time: Date.parse(event.seenAt),
  };
}

/** Null where there is nothing to compare with: everything has changed. */
async function changedPaths(
  ledger: PushLedger,
  { from }: PushEvent,
  commit: PushedCommit,
): Promise<string[] | null> {
  const base = from === null ? null : await obtainPushed(ledger, from);
  if (base === null) return null;
  const files = await diffTrees(ledger.shared.local, base.tree, commit.tree);
  return files.map(({ path }) => decodePath(path));
}

/** Might it say what starts a workflow, if it could be read? */
function speaksOfTriggers({ workflows }: ProjectTexts): boolean {
  return workflows.some(({ text }) => /\bon["']?\s*:/.test(text));
}
