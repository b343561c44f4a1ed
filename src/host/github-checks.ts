import type { GitHubClient } from './github-client.ts';
import { GitHubFailure } from './github-failure.ts';
import { cutAtLine } from './markdown.ts';
import { hasEnded, headline, type LogTail, logTails, type ReportedRun, runSummary } from './run-report.ts';

/** GitHub's limits, in characters. */
const longestDescription = 140;
const longestText = 65_535;
/** Pages of a hundred that are looked through for what was said before. */
const mostPages = 10;

/** A run as it is shown at the commit that it was made of. */
export interface RunAtCommit {
  readonly run: ReportedRun;
  /** The commit. */
  readonly sha: string;
  /** The run commit's id: with the run's name, by it a check run is found again. */
  readonly runCommit: string;
  /** False: what was run is not just what the commit has. */
  readonly asCommitted: boolean;
  readonly logs: readonly LogTail[];
}

/** What is remembered from one report to the next. */
export interface CheckMemory {
  /** The token may not write check runs. */
  statusesOnly: boolean;
}

/**
 * The name under which GitHub lists it. That of a commit as it is, without variables, is one for the workflow, so that a
 * branch can require it; any other run has a name of its own.
 */
export function checkName({ run, asCommitted }: Pick<RunAtCommit, 'run' | 'asCommitted'>): string {
  const plain = asCommitted && Object.keys(run.variables).length === 0;
  return `dstack/${run.workflow}${plain ? '' : `/${run.name}`}`;
}

/**
 * Shows at a commit how a run stands: by a check run, where the token may write those (only a GitHub App's can), and by a
 * commit status that leads to it. Done again, it changes nothing; what is unfinished never replaces the end.
 * @param note called once if there can only be statuses
 * @throws GitHubFailure
 */
export async function showRun(
  client: GitHubClient,
  shown: RunAtCommit,
  memory: CheckMemory,
  note: (reason: string) => void,
): Promise<void> {
  let page: string | null = null;
  if (!memory.statusesOnly) {
    try {
      page = await writeCheckRun(client, shown);
    } catch (error) {
      if (!(error instanceof GitHubFailure && error.kind === 'refused' && mayNot(error.status))) throw error;
      memory.statusesOnly = true;
      note(error.message);
    }
  }
  await writeStatus(client, shown, page ?? `${client.repository.page}/commit/${shown.runCommit}`);
}

/** 401: it is no token at all, and would be none for statuses. */
function mayNot(status: number | null): boolean {
  return status === 403 || status === 404;
}

async function writeCheckRun(client: GitHubClient, shown: RunAtCommit): Promise<string | null> {
  const { octokit, at } = client;
  const { run, sha, runCommit, logs } = shown;
  const externalId = `${run.name} ${runCommit}`;
  const name = checkName(shown);
  const [before, ...others] = await findCheckRuns(client, sha, name, externalId);
  const over = hasEnded(run);
  // Whoever made one of them too many may have been killed before it could give way.
  for (const other of others)
    if (before && other.status !== 'completed') await giveWay(client, run, other, before);
  if (before?.status === 'completed' && !over) return before.page;
  const content = {
    ...(run.startedAt === null ? {} : { started_at: run.startedAt }),
    ...(over
      ? {
          status: 'completed' as const,
          conclusion: conclusionOf(run.state),
          completed_at: run.finishedAt ?? new Date().toISOString(),
        }
      : { status: run.startedAt === null ? ('queued' as const) : ('in_progress' as const) }),
    details_url: `${client.repository.page}/commit/${runCommit}`,
    output: {
      title: `${run.name}: ${headline(run)}`.slice(0, 255),
      summary: cutAtLine(runSummary(run), longestText),
      ...(logs.length > 0 ? { text: logTails(logs, longestText - 100) } : {}),
    },
  };
  if (before) {
    await octokit.rest.checks.update({ ...at, check_run_id: before.id, ...content });
    return before.page;
  }
  const { data } = await octokit.rest.checks.create({
    ...at,
    name,
    head_sha: sha,
    external_id: externalId,
    ...content,
  });
  // Another runner may have made one at the same moment: whoever was later gives way, so that none is left unfinished.
  const [first] = await findCheckRuns(client, sha, name, externalId);
  if (!first || first.id === data.id) return data.html_url;
  await giveWay(client, run, data, first);
  if (over) await octokit.rest.checks.update({ ...at, check_run_id: first.id, ...content });
  return first.page;
}

async function giveWay(
  { octokit, at }: GitHubClient,
  run: ReportedRun,
  { id }: { id: number },
  first: FoundCheckRun,
): Promise<void> {
  await octokit.rest.checks.update({
    ...at,
    check_run_id: id,
    status: 'completed',
    conclusion: 'neutral',
    output: { title: `${run.name} is shown by another check`, summary: first.page ?? '' },
  });
}

interface FoundCheckRun {
  readonly id: number;
  readonly status: string;
  readonly page: string | null;
}

/** Those of this run, the first one first: of several that were made at the same time everybody goes on with that. */
async function findCheckRuns(
  { octokit, at }: GitHubClient,
  sha: string,
  name: string,
  externalId: string,
): Promise<FoundCheckRun[]> {
  const pages = octokit.paginate.iterator(octokit.rest.checks.listForRef, {
    ...at,
    ref: sha,
    check_name: name,
    filter: 'all',
    per_page: 100,
  });
  const found: FoundCheckRun[] = [];
  let count = 0;
  for await (const { data } of pages) {
    for (const { id, status, html_url: page, external_id } of data) {
      if (external_id === externalId) found.push({ id, status, page });
    }
    count += 1;
    if (count === mostPages) break;
  }
  return found.sort((a, b) => a.id - b.id);
}

async function writeStatus({ octokit, at }: GitHubClient, shown: RunAtCommit, page: string): Promise<void> {
  const { run, sha } = shown;
  const context = checkName(shown);
  const state = statusOf(run.state);
  const start = `${run.name}: `;
  const text = `${start}${headline(run)}`;
  const description = text.length > longestDescription ? `${text.slice(0, longestDescription - 1)}…` : text;
  const { data } = await octokit.rest.repos.listCommitStatusesForRef({ ...at, ref: sha, per_page: 100 });
  const last = data.find((status) => status.context === context);
  if (last?.description?.startsWith(start)) {
    if (last.state === state && last.description === description && last.target_url === page) return;
    if (last.state !== 'pending' && state === 'pending') return;
  }
  await octokit.rest.repos.createCommitStatus({ ...at, sha, state, context, description, target_url: page });
}

function conclusionOf(state: string): 'success' | 'failure' | 'cancelled' | 'skipped' {
  if (state === 'done' || state === 'cached') return 'success';
  if (state === 'failed') return 'failure';
  return state === 'skipped' ? 'skipped' : 'cancelled';
}

function statusOf(state: string): 'success' | 'failure' | 'error' | 'pending' {
  if (!hasEnded({ state })) return 'pending';
  if (state === 'done' || state === 'cached') return 'success';
  return state === 'failed' ? 'failure' : 'error';
}
