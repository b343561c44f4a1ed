import { type GitHubClient, unlikeGitHub } from './github-client.ts';
import { GitHubFailure } from './github-failure.ts';
import { asCode, cutAtLine } from './markdown.ts';
import { hasEnded, headline, type ReportedRun, runSummary } from './run-report.ts';

/** GitHub takes no longer ones. */
const longestComment = 65_536;

/** A report for a pull request, or for anybody else who reads Markdown. */
export function runComment(run: ReportedRun): string {
  const mark = run.state === 'done' || run.state === 'cached' ? '✅' : hasEnded(run) ? '❌' : '⏳';
  return `${mark} **dstack** ${asCode(headline(run))}\n\n${runSummary(run)}\n`;
}

/**
 * Puts a run's report on a pull request; where the same user, or App, has one of the same run there already, that is
 * brought up to date.
 * @returns the comment's page, and whether it was there
 * @throws GitHubFailure
 */
export async function commentOnPullRequest(
  client: GitHubClient,
  pullRequest: number,
  run: ReportedRun,
): Promise<{ page: string; updated: boolean }> {
  const { octokit, at } = client;
  // What is no pull request can be an issue of that number.
  const found = await octokit.rest.pulls.get({ ...at, pull_number: pullRequest }).catch((error) => {
    if (!(error instanceof GitHubFailure && error.status === 404)) throw error;
    const where = `${at.owner}/${at.repo}`;
    throw new GitHubFailure('refused', `there is no pull request ${pullRequest} in ${where} for this token`, {
      status: 404,
      hint: 'look whether the number is right, and whether the token may read pull requests there',
    });
  });
  if (found.data.number !== pullRequest) throw unlikeGitHub(client.repository);
  const mark = `<!-- dstack report ${run.name} -->`;
  const body = cutAtLine(`${mark}\n${runComment(run)}`, longestComment);
  const own = await findComment(client, pullRequest, mark);
  if (own !== null) {
    const { data } = await octokit.rest.issues.updateComment({ ...at, comment_id: own, body });
    return { page: data.html_url, updated: true };
  }
  const { data } = await octokit.rest.issues.createComment({ ...at, issue_number: pullRequest, body });
  return { page: data.html_url, updated: false };
}

/** Anybody can write a comment that looks like ours. */
async function findComment(client: GitHubClient, issue: number, mark: string): Promise<number | null> {
  const { octokit, at } = client;
  const self = await ownId(client);
  const pages = octokit.paginate.iterator(octokit.rest.issues.listComments, {
    ...at,
    issue_number: issue,
    per_page: 100,
  });
  for await (const { data } of pages) {
    const own = data.find(
      ({ body, user }) =>
        body?.startsWith(mark) && (self === null ? user?.type === 'Bot' : user?.id === self),
    );
    if (own) return own.id;
  }
  return null;
}

/** Null: the token is an App's, which is no user. */
async function ownId({ octokit }: GitHubClient): Promise<number | null> {
  try {
    return (await octokit.rest.users.getAuthenticated()).data.id;
  } catch (error) {
    if (error instanceof GitHubFailure && error.status === 403) return null;
    throw error;
  }
}
