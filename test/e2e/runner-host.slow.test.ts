import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { httpHost } from '../git/http-host.ts';
import { linesOf, type RunnerProcess, type TestProject, until, withProject } from './project.ts';

const jobs = ['one', 'two', 'three', 'four'];
const workflows = (root: string) => `
workflows:
${jobs
  .map(
    (name) => `
  - name: ${name}
    commands:
      - echo \${{ job_id }} >> ${root}/begun
      - while [ ! -e ${root}/go-on ]; do date >> ${root}/ticks-${name}; sleep 0.1; done
      - echo over`,
  )
  .join('')}
`;

// What a swap may take is a third of a lease, but 5 seconds at least.
const lease = { DSTACK_RUNNER_LEASE: '15s' };

function startRunner(project: TestProject, url: string): RunnerProcess {
  const env = { ...lease, DSTACK_REMOTE: url, DSTACK_STORE: `file:${project.store}` };
  return project.startRunner('far', ['--executor', 'process', '--concurrency', '4', '--poll', '200ms'], env);
}

const says = (runner: RunnerProcess, words: string) =>
  runner
    .output()
    .split('\n')
    .filter((line) => line.includes(words)).length;

/** All that were begun are done, at their first attempt, and nothing is left of the runner. */
async function endsWell(project: TestProject, runner: RunnerProcess, runs: ReadonlyMap<string, string>) {
  writeFileSync(path.join(project.root, 'go-on'), '');
  for (const [job, run] of runs) {
    const record = await project.record(run, job);
    assert.is(record.state, 'done', record.reason ?? '');
    assert.is(record.attempt, 1);
  }
  runner.kill('SIGTERM');
  assert.is(await runner.exited, 0, runner.output());
  assert.is(linesOf(path.join(project.root, 'begun')).length, runs.size);
  for (const area of ['queue', 'claims', 'runners']) assert.equal(await project.refs(area), [], area);
}

test(
  'a host that refuses gets few requests, however many jobs there are; then they go on',
  withProject(workflows, async (project) => {
    const host = await httpHost(project.root, project.env);
    try {
      const runner = startRunner(project, `${host.url}/${path.basename(project.shared)}`);
      const runs = new Map<string, string>();
      for (const job of jobs) runs.set(job, await project.submit([job]));
      await until('all jobs', () => linesOf(path.join(project.root, 'begun')).length === jobs.length);
      host.mood = 503;
      await until('its word', () => says(runner, 'has too much to do') > 0);
      await until('frozen jobs', () => says(runner, 'is frozen until') === jobs.length);
      const before = host.requests.length;
      const seconds = 20;
      await sleep(seconds * 1_000);
      // All four renewals together: one try in half of the time that a swap may take, and one between.
      const requests = host.requests.length - before;
      assert.ok(requests > 0 && requests <= (2 * seconds) / 2.5, `${requests}`);
      host.mood = 'well';
      await until('jobs that go on', () => says(runner, 'the job goes on') === jobs.length);
      await until('its word', () => says(runner, 'the shared repository is back') > 0);
      await endsWell(project, runner, runs);
    } finally {
      await host.close();
    }
  }),
);

test(
  'a server that accepts and does not answer: the job is frozen in time, and goes on with the server',
  withProject(workflows, async (project) => {
    const port = await freePort();
    const options = ['--reuseaddr', '--export-all', '--enable=receive-pack', '--listen=127.0.0.1'];
    const daemon: ChildProcess = spawn(
      'git',
      ['daemon', ...options, `--port=${port}`, `--base-path=${project.root}`, project.root],
      { env: project.env, stdio: 'ignore', detached: true },
    );
    const signal = (name: NodeJS.Signals) => process.kill(-(daemon.pid as number), name);
    try {
      const url = `git://127.0.0.1:${port}/${path.basename(project.shared)}`;
      await until('the server', () => project.git(['ls-remote', url]).then(() => true));
      const runner = startRunner(project, url);
      const runs = new Map([['one', await project.submit(['one'])]]);
      const ticks = () => linesOf(path.join(project.root, 'ticks-one')).length;
      await until('the job', () => ticks() > 0);
      signal('SIGSTOP');
      await until('a frozen job', () => says(runner, 'is frozen until') === 1);
      const frozenAt = await until('stillness', async () => {
        const before = ticks();
        await sleep(500);
        return ticks() === before ? before : null;
      });
      assert.is(ticks(), frozenAt);
      signal('SIGCONT');
      await until('a job that goes on', () => says(runner, 'the job goes on') === 1 && ticks() > frozenAt);
      await endsWell(project, runner, runs);
    } finally {
      signal('SIGKILL');
    }
  }),
);

test.run();
