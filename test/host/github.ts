import * as assert from 'uvu/assert';
import { type GitHubClient, openGitHub } from '../../src/host/github-client.ts';
import type { ReportedRun } from '../../src/host/run-report.ts';
import { type GitHubServer, startGitHub, userToken } from './github-server.ts';

export const sha = 'a'.repeat(40);
export const runCommit = 'b'.repeat(40);

/** A client at a GitHub of its own that knows of one commit; at the end, nothing may have been unlike what GitHub describes. */
export function withGitHub(
  body: (
    github: GitHubServer,
    connect: (token?: string, now?: () => number, signal?: AbortSignal) => GitHubClient,
  ) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const github = await startGitHub();
    github.commit = (id) => (id === sha ? { parents: [], tree: 'c'.repeat(40), message: 'begin' } : null);
    const repository = {
      host: 'github.com',
      owner: 'octocat',
      name: 'Hello-World',
      api: github.url,
      page: 'https://github.com/octocat/Hello-World',
    };
    try {
      await body(github, (token = userToken, now, signal) =>
        openGitHub(repository, token, {
          userAgent: 'dstack/test',
          ...(now ? { now } : {}),
          ...(signal ? { signal } : {}),
        }),
      );
      assert.equal(github.problems, []);
    } finally {
      await github.close();
    }
  };
}

const job = {
  name: 'train',
  state: 'running',
  reason: null,
  runner: 'gpu-1',
  startedAt: '2026-11-25T05:00:00.000Z',
  finishedAt: null,
  cachedFrom: null,
};

export function running(change: Partial<ReportedRun> = {}): ReportedRun {
  return {
    name: 'quiet-otter',
    workflow: 'train',
    variables: {},
    submittedBy: 'Ann <ann@example.org>',
    reason: null,
    state: 'running',
    startedAt: '2026-11-25T05:00:00.000Z',
    finishedAt: null,
    jobs: [job],
    ...change,
  };
}

export function finished(state: string, change: Partial<ReportedRun> = {}): ReportedRun {
  const finishedAt = '2026-11-25T05:03:04.000Z';
  return running({ state, finishedAt, jobs: [{ ...job, state, finishedAt }], ...change });
}
