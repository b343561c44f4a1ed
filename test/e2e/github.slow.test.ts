import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appToken, userToken } from '../host/github-server.ts';
import { onGitHub } from './on-github.ts';
import { until } from './project.ts';

test(
  'runs are shown at their commit, by check runs and statuses; each once, whichever of two runners ends it',
  onGitHub(async ({ project, github, env, head }) => {
    const good = await project.submit(['use'], { env });
    const bad = await project.submit(['after'], { env });
    const runners = ['a', 'b'].map((name) => project.startRunner(name, ['--poll', '200ms'], env));
    const over = (conclusion: string, run: string) =>
      until(`${run} on GitHub`, () =>
        github.checkRuns.find(
          (check) => String(check.external_id).startsWith(`${run} `) && check.conclusion === conclusion,
        ),
      );
    const done = await over('success', good);
    assert.is(done.name, 'dstack/use');
    assert.is(done.head_sha, head);
    const output = done.output as Record<string, string>;
    assert.match(output.summary as string, '| `make` |');
    assert.match(output.text as string, '```text\nused @octocat\n```');
    const failed = await over('failure', bad);
    assert.match((failed.output as Record<string, string>).text as string, 'why\n');
    for (const runner of runners) runner.kill('SIGTERM');
    for (const runner of runners) assert.is(await runner.exited, 0, runner.output());

    for (const run of [good, bad]) {
      const shown = github.checkRuns.filter((check) => String(check.external_id).startsWith(`${run} `));
      assert.is(shown.filter((check) => check.conclusion !== 'neutral').length, 1);
      assert.ok(shown.every((check) => check.status === 'completed'));
    }
    const last = (context: string) => github.statuses.findLast((status) => status.context === context);
    assert.is(last('dstack/use')?.state, 'success');
    assert.is(last('dstack/use')?.target_url, done.html_url);
    assert.is(last('dstack/after')?.state, 'failure');
    for (const runner of runners) assert.not.match(runner.output(), appToken);
  }),
);

test(
  "with a user's token there are statuses; of code that is not committed under a name of its own",
  onGitHub(async ({ project, github, env, head }) => {
    const own = { ...env, GITHUB_TOKEN: userToken };
    project.write({ 'README.md': 'not committed\n' });
    const run = await project.submit(['make'], { env });
    const runner = project.startRunner('a', ['--poll', '200ms', '--once'], own);
    assert.is(await runner.exited, 0, runner.output());
    assert.equal(github.checkRuns, []);
    const last = github.statuses.at(-1);
    assert.equal([last?.sha, last?.context, last?.state], [head, `dstack/make/${run}`, 'success']);
    assert.match(last?.target_url as string, `/octocat/Hello-World/commit/`);
    assert.match(runner.output(), 'only commit statuses are written');
    assert.not.match(runner.output(), userToken);
  }),
);

test(
  'an idle runner asks GitHub, at no cost, and looks for itself once that says that something is new',
  onGitHub(async ({ project, github, env }) => {
    const runner = project.startRunner('a', ['--poll', '200ms'], env);
    const asked = () => github.calls.filter((name) => name.includes('matching-refs')).length;
    await until('it asks', () => asked() > 6);
    const left = github.remaining;
    const before = asked();
    await until('it asks again', () => asked() > before + 6);
    assert.is(github.remaining, left);
    const run = await project.submit(['make'], { env });
    assert.is((await project.record(run, 'make')).state, 'done');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'a report goes to a pull request, and is brought up to date there',
  onGitHub(async ({ project, github, env }) => {
    const run = await project.submit(['after'], { env });
    const report = (...args: string[]) => project.dstack(['report', run, ...args], { env });
    const first = await report('--pr', '7');
    assert.is(first.exitCode, 0, first.stderr);
    assert.match(first.stdout, `${github.url}/c/`);
    assert.match(github.comments[0]?.body as string, '⏳');
    await project.startRunner('a', ['--poll', '200ms', '--drain'], env).exited;
    const second = await report('--pr', '7');
    assert.is(second.stdout, first.stdout);
    assert.is(github.comments.length, 1);
    assert.match(github.comments[0]?.body as string, '❌ failed');

    const printed = await report();
    assert.ok(String(github.comments[0]?.body).endsWith(printed.stdout));
    const none = await report('--pr', '8');
    assert.is(none.exitCode, 1);
    assert.match(none.stderr, 'there is no pull request 8 in octocat/Hello-World');
    assert.not.match(none.stderr, appToken);
    github.refusals.push({ status: 200, text: '<html>please log in</html>' });
    const page = await report('--pr', '7');
    assert.is(page.exitCode, 1);
    assert.match(page.stderr, "GitHub's API would not");
    assert.not.match(page.stderr, 'TypeError');
    const anonymous = await project.dstack(['report', run, '--pr', '7'], {
      env: { ...env, GITHUB_TOKEN: '', PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin` },
    });
    assert.match(anonymous.stderr, 'gh auth login');
    const elsewhere = await project.dstack(['report', run, '--pr', '7'], { env: { GITHUB_TOKEN: appToken } });
    assert.match(elsewhere.stderr, 'is not on GitHub');
  }),
);

test.run();
