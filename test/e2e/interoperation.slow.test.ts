// What Git itself can do with a repository that dstack uses: clones of every kind, backups, maintenance, branches.
import { cpSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type TestProject, withProject } from './project.ts';

const workflows = `
workflows:
  - {name: make, artifacts: [out], commands: ['mkdir out', 'cat data > out/copy']}
  - {name: use, depends-on: {workflows: [make]}, commands: ['cat out/copy']}
`;

interface Where {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

async function succeeds(project: TestProject, args: readonly string[], where: Where = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await project.dstack(args, where);
  assert.is(exitCode, 0, `dstack ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function drain(project: TestProject, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const runner = project.startRunner('one', ['--drain'], env);
  assert.is(await runner.exited, 0, runner.output());
}

/** A finished run whose data was not committed. */
async function firstRun(project: TestProject): Promise<void> {
  project.write({ data: 'committed\n' });
  await project.git(['add', '.'], { cwd: project.folder });
  await project.git(['commit', '--quiet', '-m', 'data'], { cwd: project.folder });
  await project.git(['push', '--quiet', project.shared, 'main'], { cwd: project.folder });
  project.write({ data: 'uncommitted\n' });
  await project.submit(['use', '--name', 'first']);
  await drain(project);
}

/** All that can be asked of `first`. */
async function readsFirst(project: TestProject, where: Where, folder: string): Promise<void> {
  assert.is(JSON.parse(await succeeds(project, ['status', 'first', '--json'], where)).state, 'done');
  assert.match(await succeeds(project, ['logs', 'first/use'], where), 'uncommitted');
  const out = path.join(project.root, folder);
  await succeeds(project, ['artifacts', 'download', 'first', '-o', path.join(out, 'results')], where);
  assert.is(readFileSync(path.join(out, 'results/out/copy'), 'utf8'), 'uncommitted\n');
  await succeeds(project, ['checkout', 'first', '-o', path.join(out, 'code')], where);
  assert.is(readFileSync(path.join(out, 'code/data'), 'utf8'), 'uncommitted\n');
}

test(
  'a mirror is a full backup, and the shared repository at once where the old one is gone, with the store',
  withProject(workflows, async (project) => {
    await firstRun(project);
    await succeeds(project, ['tag', 'first', 'best']);
    const backup = path.join(project.root, 'backup.git');
    await project.git(['clone', '--quiet', '--mirror', project.shared, backup]);
    cpSync(project.store, path.join(project.root, 'backup.store'), { recursive: true });
    renameSync(project.shared, `${project.shared}.gone`);
    renameSync(project.store, `${project.store}.gone`);

    const env = { DSTACK_REMOTE: backup };
    await readsFirst(project, { env }, 'read');
    assert.match(await succeeds(project, ['tags'], { env }), 'best');
    await project.submit(['use', '--name', 'second'], { env });
    await drain(project, env);
    const { state } = JSON.parse(await succeeds(project, ['status', 'second', '--json'], { env }));
    assert.is(state, 'cached');
    const installed = await project.dstack(['hook', 'install', backup], { env });
    assert.is(installed.exitCode, 0, installed.stderr);
    renameSync(`${project.shared}.gone`, project.shared);
  }),
);

test(
  'a snapshot is branched from, in a clone and in a worktree of it, and both go on running',
  withProject(workflows, async (project) => {
    await firstRun(project);
    const clone = path.join(project.root, 'clone');
    await project.git(['clone', '--quiet', project.shared, clone]);
    const git = (...args: string[]) => project.git(args, { cwd: clone });
    await succeeds(project, ['sync'], { cwd: clone });
    await git('switch', '--quiet', '-c', 'x', 'refs/dstack/runs/first');
    assert.is(readFileSync(path.join(clone, 'data'), 'utf8'), 'uncommitted\n');
    const worktree = path.join(project.root, 'worktree');
    await git('worktree', 'add', '--quiet', worktree, 'refs/dstack/runs/first');
    for (const cwd of [clone, worktree]) {
      const run = await project.submit(['use'], { cwd });
      await drain(project);
      assert.is(JSON.parse(await succeeds(project, ['status', run, '--json'], { cwd })).state, 'cached');
    }
  }),
);

test(
  'what keeps Git repositories in shape takes nothing away, and a bundle carries the history',
  withProject(workflows, async (project) => {
    await firstRun(project);
    await project.submit(['make', '--name', 'waiting', '--no-cache']);
    await succeeds(project, ['sync']);
    const log = () => project.git(['log', '--notes=dstack/*', 'refs/dstack/runs'], { cwd: project.folder });
    const before = await log();
    for (const repository of [project.folder, project.shared]) {
      for (const command of [
        ['pack-refs', '--all'],
        ['gc', '--quiet', '--aggressive', '--prune=now'],
        ['repack', '-a', '-d', '-b', '-q', '-F'],
        ['commit-graph', 'write', '--reachable'],
        ['reflog', 'expire', '--expire=now', '--all'],
        ['prune', '--expire=now'],
      ])
        await project.git(command, { cwd: repository });
      const found = await project.git(['fsck', '--full', '--strict', '--no-dangling'], { cwd: repository });
      assert.is(found, '');
    }
    assert.is(await log(), before);
    await readsFirst(project, {}, 'read');
    await drain(project);
    assert.is((await project.record('waiting', 'make')).state, 'done');

    const bundle = path.join(project.root, 'all.bundle');
    await project.git(['bundle', 'create', '-q', bundle, '--all']);
    const copy = path.join(project.root, 'copy.git');
    await project.git(['clone', '--quiet', '--mirror', bundle, copy]);
    await readsFirst(project, { env: { DSTACK_REMOTE: copy, DSTACK_STORE: project.store } }, 'copied');
  }),
);

test(
  'partial and shallow clones run, and see what others have run',
  withProject(workflows, async (project) => {
    await firstRun(project);
    await project.git(['config', 'uploadpack.allowFilter', 'true']);
    const url = `file://${project.shared}`;
    const env = { DSTACK_REMOTE: url };
    for (const option of ['--filter=blob:none', '--filter=tree:0', '--depth=1']) {
      const clone = path.join(project.root, `clone${option.replace(/\W/g, '-')}`);
      await project.git(['clone', '--quiet', option, url, clone]);
      await readsFirst(project, { cwd: clone, env }, `of${option.replace(/\W/g, '-')}`);
      const run = await project.submit(['use'], { cwd: clone, env });
      await drain(project);
      const { state } = JSON.parse(await succeeds(project, ['status', run, '--json'], { cwd: clone, env }));
      assert.match(state, /^(done|cached)$/);
    }
  }),
);

test(
  'a clone of a clone asks for the shared repository instead of running nowhere',
  withProject(workflows, async (project) => {
    await project.git(['remote', 'add', 'origin', project.shared], { cwd: project.folder });
    await project.git(['rm', '--quiet', '.dstackrc'], { cwd: project.folder });
    await project.git(['commit', '--quiet', '-m', 'no settings'], { cwd: project.folder });
    const clone = path.join(project.root, 'clone');
    await project.git(['clone', '--quiet', project.folder, clone]);
    const refused = await project.dstack(['run', 'make', '-d'], { cwd: clone });
    assert.is(refused.exitCode, 1, refused.stderr);
    assert.match(refused.stderr, "the origin here, is somebody's clone");
    const [, advice = ''] = /`dstack (init --remote \S+)`/.exec(refused.stderr) ?? [];
    assert.is(advice, `init --remote ${project.shared}`);
    await succeeds(project, advice.split(' '), { cwd: clone });
    assert.match(
      await succeeds(project, ['run', 'make', '-d', '--name', 'from-clone'], { cwd: clone }),
      'from-clone',
    );
    assert.equal(await project.refs('runs'), ['from-clone']);
  }),
);

test.run();
