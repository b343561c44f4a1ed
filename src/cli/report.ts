import { DstackError } from '../errors.ts';
import { commentOnPullRequest, runComment } from '../host/github-comments.ts';
import { findGitHub, type GitHubRepository } from '../host/github-repository.ts';
import { resolveRemote, withoutPassword } from '../ledger/shared-repository.ts';
import { connectToGitHub } from './connect-to-github.ts';
import { locateRun } from './open-state.ts';
import { openProject, type Project, remoteOf } from './project.ts';
import { say } from './terminal.ts';

/** `dstack report RUN`: a table of a run as Markdown, or as a comment on a pull request. */
export async function report(name: string, options: { pr?: number }): Promise<void> {
  const project = await openProject();
  // What keeps it from being put there is said before anything is fetched.
  const client = options.pr === undefined ? null : await connect(await gitHubOf(project));
  const { ledger, run } = await locateRun(project, name);
  try {
    if (!client || options.pr === undefined) {
      process.stdout.write(runComment(run));
      return;
    }
    const { page, updated } = await commentOnPullRequest(client, options.pr, run);
    say(updated ? 'the comment on the pull request is brought up to date' : 'commented on the pull request');
    process.stdout.write(`${page}\n`);
  } finally {
    ledger.close();
  }
}

async function gitHubOf(project: Project): Promise<GitHubRepository> {
  const found = await remoteOf(project);
  const address = found ? (await resolveRemote(found.remote, project.folder)).address : null;
  const repository = address === null ? null : findGitHub(address, process.env);
  if (repository) return repository;
  throw new DstackError(
    'not-github',
    address === null
      ? 'this project has no shared repository'
      : `the shared repository ${withoutPassword(address)} is not on GitHub`,
    {
      hint: 'of a GitHub Enterprise Server, GH_HOST says so; elsewhere, leave out --pr and paste what is printed',
    },
  );
}

async function connect(repository: GitHubRepository) {
  const client = await connectToGitHub(repository, process.env);
  if (client) return client;
  throw new DstackError('no-token', `there is no token for ${repository.host}`, {
    hint: 'log in with `gh auth login`, or set GITHUB_TOKEN',
  });
}
