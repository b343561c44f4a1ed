// Jobs on several nodes, with real runners, processes and sockets.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isAlive } from '../../src/git/is-alive.ts';
import { meet } from './meeting.ts';
import { linesOf, type RunnerProcess, type TestProject, until, withProject } from './project.ts';

const settings = { DSTACK_RUNNER_LEASE: '6s', DSTACK_RUNNER_ADDRESS: '127.0.0.1' };
const options = ['--poll', '200ms'];

const workflows = (root: string) => `
workflows:
  - name: train
    nodes: 3
    commands: [node meet.mjs ${root}]
    artifacts: [out]
    retry: {limit: 1, on: [runner-lost, exit]}
  - name: pair
    nodes: 2
    depends-on: {repo: {include: [meet.mjs]}}
    commands: ['node meet.mjs ${root}; echo pair $RUN_NAME >> ${root}/pairs']
    artifacts: [out]
  - name: setup
    nodes: 2
    cache: [tools]
    depends-on: {repo: {include: [version]}}
    commands: ['test -e tools/here && echo warm || echo cold', 'mkdir -p tools && touch tools/here']
`;

const file = (project: TestProject, name: string) => path.join(project.root, name);
const met = (project: TestProject) => linesOf(file(project, 'met'));
const start = (project: TestProject, name: string, more: string[] = []) =>
  project.startRunner(name, [...options, ...more], settings);

async function leave(...runners: RunnerProcess[]): Promise<void> {
  for (const runner of runners) runner.kill('SIGTERM');
  for (const runner of runners) assert.is(await runner.exited, 0, runner.output());
}

async function withGang(body: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject(workflows, async (project) => {
    project.write({ 'meet.mjs': meet });
    await body(project);
    assert.equal(await project.refs('nodes'), []);
    assert.equal(await project.refs('claims'), []);
  })();
}

test('three runners are the three nodes of a job, and meet; one log, and the artifacts of rank 0', () =>
  withGang(async (project) => {
    const run = await project.submit(['train']);
    const two = [start(project, 'a'), start(project, 'b')];
    const waiting = await until('two of three', async () => {
      const { stdout } = await project.dstack(['status', run]);
      return /2 of 3 are there \(a, b\)|it fits 2/.test(stdout) ? stdout : null;
    });
    assert.match(waiting, /waits for 3 runners/);
    assert.equal(met(project), []);
    const third = start(project, 'c');
    const record = await project.record(run, 'train');
    assert.equal([record.state, record.attempt, record.exitCode], ['done', 1, 0], record.reason ?? '');
    assert.equal(
      met(project)
        .map((line) => line.split(' ')[1])
        .sort(),
      ['0', '1', '2'],
    );
    const log = await project.log(run, 'train');
    for (const rank of [0, 1, 2]) assert.match(log, new RegExp(`^\\[${rank}\\] met 0,1,2$`, 'm'));
    const artifacts = await project.dstack(['artifacts', 'list', run]);
    assert.match(artifacts.stdout, 'out/rank-0');
    assert.not.match(artifacts.stdout, 'out/rank-1');
    await leave(...two, third);
  }));

test('SIGKILL of one runner ends all nodes; the job is tried again as a whole, with other runners', () =>
  withGang(async (project) => {
    writeFileSync(file(project, 'hold'), '');
    const run = await project.submit(['train']);
    const runners = ['a', 'b', 'c'].map((name) => start(project, name));
    await until('the first meeting', () => met(project).length === 3);
    const record = JSON.parse(await project.git(['show', `refs/dstack/claims/${run}/train:claim.json`]));
    const victim = runners.find(({ name }) => name === record.gang.members[0].runner) as RunnerProcess;
    const processes = met(project).map((line) => Number(line.split(' ')[2]));
    victim.kill('SIGKILL');
    await until('the end of all', () => !processes.some(isAlive));
    const fourth = start(project, 'd');
    await until('the second meeting', () => met(project).length === 6);
    writeFileSync(file(project, 'gone'), '');
    await import('node:fs/promises').then(({ rm }) => rm(file(project, 'hold')));
    const end = await project.record(run, 'train');
    assert.equal([end.state, end.attempt], ['done', 2], end.reason ?? '');
    assert.match(
      await project.log(run, 'train'),
      /node 1 on \w has ended: its runner fell silent; so all are ended/,
    );
    await leave(fourth, ...runners.filter((one) => one !== victim));
  }));

test('a node that fails ends the others, and the reason names it; a stop ends all', () =>
  withGang(async (project) => {
    const runners = ['a', 'b', 'c'].map((name) => start(project, name));
    writeFileSync(file(project, 'fail-2'), '');
    writeFileSync(file(project, 'hold'), '');
    const run = await project.submit(['train']);
    await until('the first meeting', () => met(project).length === 3);
    await import('node:fs/promises').then(({ rm }) => rm(file(project, 'hold')));
    const failed = await project.record(run, 'train');
    assert.equal([failed.state, failed.attempt, failed.exitCode], ['failed', 2, 7]);
    assert.match(failed.reason ?? '', /^node 2 on \w: exit code 7$/);

    writeFileSync(file(project, 'hold'), '');
    const next = await project.submit(['train', '--no-cache']);
    const before = met(project).length;
    await until('another meeting', () => met(project).length >= before + 3);
    const processes = met(project)
      .slice(-3)
      .map((line) => Number(line.split(' ')[2]));
    assert.is((await project.dstack(['stop', next, '-y'])).exitCode, 0);
    assert.is((await project.record(next, 'train')).state, 'stopped');
    await until('the end of all', () => !processes.some(isAlive));
    await leave(...runners);
  }));

test('two jobs for two nodes each, and three runners: one after the other, never each with a half', () =>
  withGang(async (project) => {
    const runs = [await project.submit(['pair', '--no-cache']), await project.submit(['pair', '--no-cache'])];
    const runners = ['a', 'b', 'c'].map((name) => start(project, name));
    for (const run of runs) assert.is((await project.record(run, 'pair')).state, 'done');
    assert.equal(
      linesOf(file(project, 'pairs')).sort(),
      runs.flatMap((run) => [`pair ${run}`, `pair ${run}`]).sort(),
    );
    await leave(...runners);
  }));

test('each node’s machine keeps what the job has set up there', () =>
  withGang(async (project) => {
    const runners = ['a', 'b'].map((name) => start(project, name));
    for (const [round, temperature] of ['cold', 'warm'].entries()) {
      project.write({ version: String(round) });
      const run = await project.submit(['setup']);
      assert.is((await project.record(run, 'setup')).state, 'done');
      const log = await project.log(run, 'setup');
      for (const rank of [0, 1]) assert.match(log, new RegExp(`^\\[${rank}\\] ${temperature}$`, 'm'));
      assert.match(log, /^\[1\] dstack: setup cache: tools /m);
    }
    await leave(...runners);
  }));

test('with --local all nodes are processes here; what is cached takes none', () =>
  withGang(async (project) => {
    const first = await project.dstack(['run', 'pair', '--local']);
    assert.is(first.exitCode, 0, first.stderr);
    assert.match(first.stdout, /\[0\] met 0,1/);
    assert.match(first.stdout, /\[1\] met 0,1/);
    const again = await project.dstack(['run', 'pair', '--local']);
    assert.is(again.exitCode, 0, again.stderr);
    assert.is(met(project).length, 2);
    assert.not.ok(existsSync(file(project, 'fail-1')));
  }));

test.run();
