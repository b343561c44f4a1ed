import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { appToken, type GitHubServer, startGitHub, userToken } from '../host/github-server.ts';
import { type TestProject, until, withProject } from './project.ts';

const workflows = `
workflows:
  - {name: make, commands: [echo made]}
  - {name: use, depends-on: {workflows: [make]}, commands: ['echo used @octocat']}
  - {name: fail, commands: [echo why, exit 3]}
  - {name: after, depends-on: {workflows: [fail]}, commands: ['true']}
`;

interface OnGitHub {
  readonly project: TestProject;
  readonly github: GitHubServer;
  /** What every command is to see. */
  readonly env: NodeJS.ProcessEnv;
  readonly head: string;
}

/** A project whose shared repository is octocat/Hello-World: Git goes to a daemon, the API to the server of the tests. */
function onGitHub(body: (there: OnGitHub) => Promise<void>): () => Promise<void> {
  return withProject(workflows, async (project) => {
    const github = await startGitHub();
    const git: ChildProcess[] = [];
    try {
      mkdirSync(path.join(project.root, 'octocat'));
      symlinkSync(project.shared, path.join(project.root, 'octocat', 'Hello-World.git'));
      const port = await freePort();
      const base = `--base-path=${project.root}`;
      const options = ['--listen=127.0.0.1', `--port=${port}`, '--export-all', '--enable=receive-pack', base];
      git.push(spawn('git', ['daemon', ...options], { env: project.env, stdio: 'ignore', detached: true }));
      const url = `git://127.0.0.1:${port}/octocat/Hello-World.git`;
      await until('the server', () => project.git(['ls-remote', url]).then(() => true));
      github.refs = async () => {
        const text = await project.git(['for-each-ref', '--format=%(refname) %(objectname)']);
        return new Map(
          text.split('\n').flatMap((line) => (line ? [line.split(' ') as [string, string]] : [])),
        );
      };
      github.commit = (id) =>
        project.git(['show', '-s', '--format=%P%n%T%n%B', id]).then(
          (text) => {
            const [parents = '', tree = '', ...message] = text.split('\n');
            return { parents: parents.split(' ').filter(Boolean), tree, message: message.join('\n') };
          },
          () => null,
        );
      const env = {
        DSTACK_REMOTE: url,
        DSTACK_STORE: `file:${project.store}`,
        GITHUB_SERVER_URL: 'http://127.0.0.1',
        GITHUB_API_URL: github.url,
        GITHUB_TOKEN: appToken,
      };
      const head = await project.git(['rev-parse', 'HEAD'], { cwd: project.folder });
      await body({ project, github, env, head });
      assert.equal(github.problems, []);
    } finally {
      for (const { pid } of git) process.kill(-(pid as number), 'SIGKILL');
      await github.close();
    }
  });
}

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
  'with a user’s token there are statuses; of code that is not committed under a name of its own',
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
  'no trouble with GitHub is trouble for a run',
  onGitHub(async ({ project, github, env }) => {
    const bad = { ...env, GITHUB_TOKEN: 'ghp_anOldOne' };
    const refused = await project.submit(['make'], { env });
    const first = project.startRunner('a', ['--poll', '200ms', '--once'], bad);
    assert.is(await first.exited, 0, first.output());
    assert.is((await project.record(refused, 'make')).state, 'done');
    assert.match(first.output(), 'Bad credentials');
    assert.not.match(first.output(), 'ghp_anOldOne');

    github.refusals.push({
      status: 403,
      headers: { 'retry-after': '3000' },
      message: 'secondary rate limit',
    });
    const limited = await project.submit(['make', '--no-cache'], { env });
    const second = project.startRunner('a', ['--poll', '200ms', '--once'], env);
    assert.is(await second.exited, 0, second.output());
    assert.is((await project.record(limited, 'make')).state, 'done');
    assert.match(second.output(), 'wants no more calls');

    await github.close();
    const away = await project.submit(['make', '--no-cache'], { env });
    const third = project.startRunner('a', ['--poll', '200ms', '--once'], env);
    assert.is((await project.record(away, 'make')).state, 'done');
    assert.is(await third.exited, 0, third.output());
    assert.match(third.output(), 'does not answer');
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
  'an API that takes calls and never answers, and a `gh` that hangs, keep no runner from its work',
  onGitHub(async ({ project, github, env }) => {
    github.mute = true;
    const runner = project.startRunner('a', ['--poll', '200ms'], env);
    await until('it asks', () => github.calls.some((name) => name.includes('matching-refs')));
    const run = await project.submit(['make'], { env });
    assert.is((await project.record(run, 'make')).state, 'done');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());

    const folder = path.join(project.root, 'bin');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'gh'), '#!/bin/sh\ntouch "$0.asked"\nexec sleep 1000\n', { mode: 0o755 });
    const hanging = { ...env, GITHUB_TOKEN: '', PATH: `${folder}:${process.env.PATH}` };
    const other = project.startRunner('b', ['--poll', '200ms'], hanging);
    await until('gh hangs', () => existsSync(path.join(folder, 'gh.asked')));
    const second = await project.submit(['make', '--no-cache'], { env });
    assert.is((await project.record(second, 'make')).state, 'done');
    assert.not.match(other.output(), 'on GitHub');
    other.kill('SIGTERM');
    assert.is(await other.exited, 0, other.output());
  }),
);

test(
  'a runner that was killed before it could show the end does so when it starts again',
  onGitHub(async ({ project, github, env }) => {
    const run = await project.submit(['make'], { env });
    github.mute = true;
    const runner = project.startRunner('a', ['--poll', '200ms'], env);
    assert.is((await project.record(run, 'make')).state, 'done');
    runner.kill('SIGKILL');
    await runner.exited;
    assert.equal(github.checkRuns, []);
    github.mute = false;
    const again = project.startRunner('a', ['--poll', '200ms'], env);
    await until('it is shown', () => github.statuses.find(({ state }) => state === 'success'));
    assert.is(github.checkRuns[0]?.conclusion, 'success');
    again.kill('SIGTERM');
    assert.is(await again.exited, 0, again.output());
    const cache = path.join(project.env.XDG_CACHE_HOME as string, 'dstack');
    const reports = readdirSync(cache).map((key) => path.join(cache, key, 'a', 'reports'));
    assert.equal(
      reports.filter(existsSync).flatMap((folder) => readdirSync(folder)),
      [],
    );
    assert.ok(reports.some(existsSync));
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
    assert.match(none.stderr, '404');
    assert.not.match(none.stderr, appToken);
    github.refusals.push({ status: 200, text: '<html>please log in</html>' });
    const page = await report('--pr', '7');
    assert.is(page.exitCode, 1);
    assert.match(page.stderr, 'GitHub’s API would not');
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
