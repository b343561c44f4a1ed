// A host that takes nothing but branches and tags, and lets nobody rewind or delete them: a protected GitLab or Gitea.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guard, sharedAt } from '../ledger/support.ts';
import { executable, fails } from './cli-support.ts';
import { createProject, type TestProject, until } from './project.ts';

const workflows = `
workflows:
  - {name: make, artifacts: [result], commands: ['echo making', 'echo 42 > result']}
  - {name: use, depends-on: [make], commands: ['cat result']}
  - {name: broken, commands: ['echo breaking', 'exit 3']}
  - {name: long, commands: ['echo begun', 'sleep 300']}
`;

const test = suite<{ project: TestProject }>('a host that guards branches, and takes nothing else');

test.before(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  const settings = readFileSync(path.join(project.folder, '.dstackrc'), 'utf8');
  project.write({ '.dstackrc': `${settings}refPrefix: refs/heads/dstack\n` });
  const installed = await project.dstack(['hook', 'install', project.shared]);
  // Known again as dstack's own: chained to itself it would call itself for ever.
  assert.match(installed.stderr, /^post-receive renewed in /);
  // It costs a process per push.
  await project.git(['config', '--unset', 'dstack.command']);
  guard(sharedAt(project.shared));
  await project.git(['push', '--quiet', project.shared, 'main'], { cwd: project.folder });
});
test.after(({ project }) => project.remove());

async function succeeds(
  project: TestProject,
  ...args: string[]
): Promise<{ stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await project.dstack(args);
  assert.is(exitCode, 0, `dstack ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
}

const json = async (project: TestProject, ...args: string[]) =>
  JSON.parse((await succeeds(project, ...args, '--json')).stdout);

test('runs end as they should, and every command that reads tells of them', async ({ project }) => {
  for (const args of [
    ['use', '--name', 'first'],
    ['broken', '--name', 'second'],
    ['use', '--name', 'third'],
  ])
    await project.submit(args);
  const runner = project.startRunner('one', ['--drain', '--executor', 'process']);
  assert.is(await runner.exited, 0, runner.output());
  assert.not.match(runner.output(), /will be tried again|refused|denied/);

  const { runs } = await json(project, 'status');
  const jobs = runs.flatMap((run: { jobs: { name: string; state: string }[] }) => run.jobs);
  // Whichever of the two comes first, the other has its results from the cache.
  assert.equal(jobs.map((job: { name: string; state: string }) => `${job.name} ${job.state}`).sort(), [
    'broken failed',
    'make cached',
    'make done',
    'use cached',
    'use done',
  ]);
  assert.match((await succeeds(project, 'logs', 'second')).stdout, /breaking/);
  assert.match((await succeeds(project, 'artifacts', 'list', 'first')).stdout, /result/);
  await succeeds(project, 'artifacts', 'download', 'first', '-o', path.join(project.root, 'downloaded'));
  assert.is(readFileSync(path.join(project.root, 'downloaded', 'result'), 'utf8'), '42\n');
});

test('a run is followed to its end, and stopped', async ({ project }) => {
  const run = await project.submit(['long']);
  const runner = project.startRunner('two', ['--executor', 'process'], { DSTACK_RUNNER_LEASE: '6s' });
  await until('its output', async () => (await project.dstack(['logs', run])).stdout.includes('begun'));
  assert.match((await succeeds(project, 'runners')).stdout, /two/);
  await succeeds(project, 'stop', '-y', run);
  assert.is((await json(project, 'status', run)).state, 'stopped');
  runner.kill('SIGTERM');
  assert.is(await runner.exited, 0, runner.output());
  assert.not.match((await succeeds(project, 'runners')).stdout, /two/);

  // Nobody has this one.
  const waiting = await project.submit(['make', '--no-cache']);
  await succeeds(project, 'stop', '-y', waiting);
  assert.is((await json(project, 'status', waiting)).state, 'stopped');
});

test('another takes over from a runner that was killed', async ({ project }) => {
  const run = await project.submit(['long']);
  const lost = project.startRunner('lost', ['--executor', 'process'], { DSTACK_RUNNER_LEASE: '3s' });
  await until('its claim', async () => (await json(project, 'status', run)).state === 'running');
  lost.kill('SIGKILL');
  const heir = project.startRunner('heir', ['--executor', 'process'], { DSTACK_RUNNER_LEASE: '3s' });
  await until('the second attempt', async () => (await json(project, 'status', run)).jobs[0].attempt === 2);
  await succeeds(project, 'stop', '-y', '--abort', run);
  heir.kill('SIGTERM');
  assert.is(await heir.exited, 0, heir.output());
});

test('a tag comes, goes and comes again', async ({ project }) => {
  for (const _ of [1, 2]) {
    await succeeds(project, 'tag', 'first', 'best');
    assert.match((await succeeds(project, 'tags')).stdout, /best/);
    assert.is((await json(project, 'status', ':best')).name, 'first');
    await succeeds(project, 'untag', 'best');
    assert.not.match((await succeeds(project, 'tags')).stdout, /best/);
  }
});

test('plain Git shows it all in a clone, whose branches stay as they are', async ({ project }) => {
  const git = (...args: string[]) => project.git(args, { cwd: project.folder });
  const before = await git('branch');
  const { stderr } = await succeeds(project, 'sync');
  assert.match(stderr, /git log refs\/dstack\/runs/);
  assert.match(await git('log', '--format=%s', 'refs/dstack/runs'), /^second {2}broken {2}failed/m);
  assert.match(await git('log', '-1', '--notes=dstack/*', 'refs/dstack/runs/second'), /breaking/);
  assert.is(await git('branch'), before);
  assert.is(before, '* main');
});

test('and in the shared repository, whose hook goes by the prefix', async ({ project }) => {
  await project.git(['config', 'dstack.command', executable]);
  await project.submit(['make', '--name', 'for-the-hook']);
  const log = () => project.git(['log', '--format=%s', 'refs/heads/dstack/runs', '--']);
  await until("the hook's sync", async () => (await log()).includes('for-the-hook'));
  assert.match(await log(), /^second {2}broken {2}failed/m);
  assert.match(
    await project.git(['log', '-1', '--notes=dstack/*', 'refs/heads/dstack/runs/first']),
    /making/,
  );
  await project.git(['config', '--unset', 'dstack.command']);
  await succeeds(project, 'stop', '-y', 'for-the-hook');
});

test('a clone that leaves these branches out can do everything', async ({ project }) => {
  const clone = path.join(project.root, 'clone');
  await project.git(['clone', '--quiet', project.shared, clone], { cwd: project.root });
  const git = (...args: string[]) => project.git(args, { cwd: clone });
  assert.match(await git('branch', '--remotes'), /origin\/dstack\/runs\/first/);
  // As docs/cli.md says.
  await git('config', '--add', 'remote.origin.fetch', '^refs/heads/dstack/*');
  const there = await git('for-each-ref', '--format=delete %(refname)', 'refs/remotes/origin/dstack');
  await project.git(['update-ref', '--stdin'], { cwd: clone, input: `${there}\n` });
  await git('fetch', '--quiet');
  assert.not.match(await git('branch', '--remotes'), /dstack/);
  const env = { DSTACK_REMOTE: 'origin', DSTACK_REF_PREFIX: 'refs/heads/dstack' };
  const { exitCode, stdout, stderr } = await project.dstack(['logs', 'second'], { cwd: clone, env });
  assert.is(exitCode, 0, stderr);
  assert.match(stdout, /breaking/);
});

test('without the prefix the host refuses, in its own words', async ({ project }) => {
  await fails(
    project,
    ['run', '--detach', 'make'],
    { exitCode: 1, words: [/only branches and tags/] },
    { env: { DSTACK_REF_PREFIX: 'refs/dstack' } },
  );
});

test.run();
