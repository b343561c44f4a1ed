import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commentOnPullRequest } from '../../src/host/github-comments.ts';
import { GitHubFailure } from '../../src/host/github-failure.ts';
import { finished, running, withGitHub } from './github.ts';
import { appToken, userToken } from './github-server.ts';

for (const [who, token] of [
  ['a user', userToken],
  ['an App', appToken],
] as const) {
  test(
    `${who} has one comment for each run, brought up to date, whoever else has written`,
    withGitHub(async (github, connect) => {
      const client = connect(token);
      const other = connect(token === userToken ? appToken : userToken);
      const mark = '<!-- dstack report quiet-otter -->';
      for (let count = 0; count < 120; count += 1)
        await other.octokit.rest.issues.createComment({
          ...other.at,
          issue_number: 7,
          body: `${mark} ${count}`,
        });
      const first = await commentOnPullRequest(client, 7, running());
      assert.is(first.updated, false);
      const second = await commentOnPullRequest(client, 7, finished('done'));
      assert.equal(second, { page: first.page, updated: true });
      assert.is(github.comments.length, 121);
      assert.match(github.comments[120]?.body as string, 'done in 3m04s');
      const another = await commentOnPullRequest(client, 7, finished('done', { name: 'brave-fox' }));
      assert.is(another.updated, false);
    }),
  );
}

test(
  'an issue that is no pull request gets no comment',
  withGitHub(async (github, connect) => {
    try {
      await commentOnPullRequest(connect(), 8, running());
      assert.unreachable();
    } catch (error) {
      assert.instance(error, GitHubFailure);
      assert.is((error as GitHubFailure).status, 404);
    }
    assert.equal(github.comments, []);
  }),
);

test(
  "who answers in GitHub's place is told from it",
  withGitHub(async (github, connect) => {
    const json = { 'content-type': 'application/json' };
    for (const text of ['<html>', '{}', '[]']) {
      github.refusals.push({ status: 200, text, headers: json });
      const error = await commentOnPullRequest(connect(), 7, running()).catch((failure) => failure);
      assert.instance(error, GitHubFailure);
      assert.is(error.kind, 'away');
    }
    assert.equal(github.comments, []);
  }),
);

test.run();
