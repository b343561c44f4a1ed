import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { watchRefs } from '../../src/host/github-changes.ts';
import type { GitHubClient } from '../../src/host/github-client.ts';
import { GitHubFailure } from '../../src/host/github-failure.ts';
import { withGitHub } from './github.ts';
import { userToken } from './github-server.ts';

async function failureOf(act: Promise<unknown>): Promise<GitHubFailure> {
  const error = await act.then(
    () => null,
    (failure) => failure,
  );
  assert.instance(error, GitHubFailure);
  return error;
}

const ask = ({ octokit }: GitHubClient) => octokit.rest.users.getAuthenticated();

test(
  'whatever goes wrong, the token is in no error, however it is printed',
  withGitHub(async (github, connect) => {
    github.refusals.push(
      { status: 403, message: `the token ${userToken} may not` },
      { status: 500, message: userToken },
      { status: 429, headers: { 'retry-after': '0' }, message: userToken },
    );
    const client = connect();
    for (let call = 0; call < 3; call += 1) {
      const failure = await failureOf(ask(client));
      assert.not.match(inspect(failure, { depth: 9, showHidden: true }) + failure.stack, userToken);
    }
  }),
);

test(
  'no token, an old one, or one for something else is refused, with what to do',
  withGitHub(async (github, connect) => {
    const failure = await failureOf(ask(connect('ghp_anOldOne')));
    assert.is(failure.kind, 'refused');
    assert.is(failure.status, 401);
    assert.match(failure.hint as string, 'gh auth login');
    await github.close();
    assert.is((await failureOf(ask(connect()))).kind, 'away');
  }),
);

test(
  'while GitHub wants silence nothing is sent; then it goes on',
  withGitHub(async (github, connect) => {
    let now = 0;
    const client = connect(userToken, () => now);
    github.refusals.push({ status: 403, headers: { 'retry-after': '30' }, message: 'secondary rate limit' });
    assert.is((await failureOf(ask(client))).after, 30_000);
    now = 29_999;
    const unsent = await failureOf(ask(client));
    assert.is(unsent.kind, 'limited');
    assert.is(unsent.after, 1);
    assert.is(github.calls.length, 1);
    now = 30_000;
    await ask(client);
    assert.is(github.calls.length, 2);
  }),
);

test(
  'secondary limits that come one after another are waited for longer and longer, until one call succeeds',
  withGitHub(async (github, connect) => {
    let now = 0;
    const client = connect(userToken, () => now);
    const refusal = { status: 403, message: 'You have exceeded a secondary rate limit' };
    github.refusals.push(refusal, refusal);
    for (const expected of [60_000, 120_000]) {
      assert.is((await failureOf(ask(client))).after, expected);
      now += expected;
    }
    await ask(client);
    github.refusals.push(refusal);
    assert.is((await failureOf(ask(client))).after, 60_000);
  }),
);

test(
  'the last call of the hour is known to be that',
  withGitHub(async (github, connect) => {
    github.remaining = 1;
    const client = connect();
    await ask(client);
    assert.is((await failureOf(ask(client))).kind, 'limited');
    assert.is(github.calls.length, 1);
  }),
);

test(
  'a change of refs is told of; that nothing has changed costs nothing',
  withGitHub(async (github, connect) => {
    const refs = new Map([['refs/heads/main', 'a'.repeat(40)]]);
    github.refs = () => refs;
    const client = connect();
    const { hasChanged } = watchRefs(() => client, ['refs/heads/', 'refs/dstack/queue/']);
    assert.is(await hasChanged(), true);
    const before = github.remaining;
    for (let call = 0; call < 5; call += 1) assert.is(await hasChanged(), false);
    assert.is(github.remaining, before);
    refs.set('refs/dstack/claims/run/job', 'b'.repeat(40));
    assert.is(await hasChanged(), false);
    refs.set('refs/dstack/queue/run/job', 'b'.repeat(40));
    assert.is(await hasChanged(), true);
    refs.set('refs/heads/main', 'c'.repeat(40));
    assert.is(await hasChanged(), true);
    assert.is(await hasChanged(), false);
  }),
);

test(
  'in doubt something has: GitHub is away, limited, refuses, has more than a page, or nobody is known there',
  withGitHub(async (github, connect) => {
    const client = connect();
    let now = 0;
    const { hasChanged } = watchRefs(
      () => client,
      ['refs/heads/'],
      () => now,
    );
    await hasChanged();
    for (const status of [500, 403]) {
      github.refusals.push({ status });
      const before = github.calls.length;
      assert.is(await hasChanged(), true);
      // It is left alone for a minute.
      now += 59_999;
      assert.is(await hasChanged(), true);
      assert.is(github.calls.length, before + 1);
      now += 1;
      assert.is(await hasChanged(), false);
    }
    assert.is(await watchRefs(() => null, ['refs/heads/']).hasChanged(), true);

    const many = Array.from({ length: 31 }, (_, index) => [`refs/heads/${index}`, 'a'.repeat(40)] as const);
    github.refs = () => new Map(many);
    assert.is(await hasChanged(), true);
    const calls = github.calls.length;
    assert.equal([await hasChanged(), await hasChanged()], [true, true]);
    assert.is(github.calls.length, calls);
  }),
);

test(
  'a call that is never answered ends with who asked',
  withGitHub(async (github, connect) => {
    github.mute = true;
    const ending = new AbortController();
    const call = failureOf(ask(connect(userToken, undefined, ending.signal)));
    while (github.calls.length === 0) await setTimeout(5);
    ending.abort();
    assert.is((await call).kind, 'away');
  }),
);

test(
  "what is not GitHub's API counts as away: a page to log in at, JSON that is no object",
  withGitHub(async (github, connect) => {
    const client = connect();
    const json = { 'content-type': 'application/json' };
    github.refusals.push(
      { status: 200, text: '<html>please log in</html>' },
      { status: 200, text: '<html>please log in</html>', headers: json },
      { status: 200, text: 'null', headers: json },
      { status: 502, text: '<html>bad gateway</html>' },
    );
    while (github.refusals.length > 0) assert.is((await failureOf(ask(client))).kind, 'away');
    github.refusals.push({ status: 200, text: '<html>please log in</html>' });
    assert.is(await watchRefs(() => client, ['refs/heads/']).hasChanged(), true);
  }),
);

test.run();
