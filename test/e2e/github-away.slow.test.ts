import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { onGitHub } from './on-github.ts';
import { until } from './project.ts';

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

test.run();
