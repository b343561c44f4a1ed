// A runner elsewhere hears the hook over ssh: it claims what is pushed without ever polling.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executable, fails } from '../e2e/cli-support.ts';
import { createProject, type TestProject, until } from '../e2e/project.ts';
import { hasSshd, type Sshd, startSshd } from './sshd.ts';
import { skipped, startFarRunner, workflows } from './whole-run.ts';

interface Context {
  project: TestProject;
  sshd: Sshd;
  env: NodeJS.ProcessEnv;
  runtime: string;
  /** Of the host, in which `dstack` is. */
  bin: string;
}
const test = suite<Context>('hook listen');
if (!hasSshd) skipped('hook listen over ssh', 'there is no sshd (Debian: openssh-server)');
const withSshd = hasSshd ? test : test.skip;

test.before.each(async (context) => {
  const project = await createProject(workflows);
  const bin = path.join(project.root, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'dstack'), `#!/bin/sh\nexec '${process.execPath}' '${executable}' "$@"\n`);
  chmodSync(path.join(bin, 'dstack'), 0o755);
  Object.assign(context, { project, bin });
  if (!hasSshd) return;
  const sshd = await startSshd(path.join(project.root, 'sshd'), {
    users: { user: `PATH=${bin}:$PATH; eval "$SSH_ORIGINAL_COMMAND"` },
  });
  // Sockets are made in it: their paths must be short.
  const runtime = mkdtempSync('/tmp/ds-');
  const env = {
    ...sshd.env,
    DSTACK_REMOTE: sshd.url(project.shared),
    XDG_RUNTIME_DIR: runtime,
    DSTACK_RUNNER_POLL: '1h',
  };
  Object.assign(context, { sshd, env, runtime });
});
test.after.each(async ({ project, sshd, runtime }) => {
  await sshd?.stop();
  if (runtime) rmSync(runtime, { recursive: true, force: true });
  await project?.remove();
});

/** The processes that listen to this repository. */
function listeners(project: TestProject): number[] {
  const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return all.flatMap((line) => {
    const [, pid, args = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return args.startsWith(process.execPath) && args.includes(`hook listen ${project.shared}`)
      ? [Number(pid)]
      : [];
  });
}

const done = async (project: TestProject, run: string, job: string) => (await project.record(run, job)).state;

withSshd(
  'a push is claimed on another machine at once, and again after the connection was cut',
  async ({ project, env }) => {
    const runner = startFarRunner(project, env);
    await until('a listener', () => runner.output().includes('tells at once of what is new'));
    const first = await project.submit(['use']);
    assert.is(await done(project, first, 'use'), 'done');
    assert.not.match(runner.output(), /polling/);

    const before = listeners(project);
    assert.is(before.length, 1);
    process.kill(before[0] as number, 'SIGKILL');
    // Submitted while nobody listens, perhaps: whoever listens again looks.
    const second = await project.submit(['make', '--no-cache']);
    assert.is(await done(project, second, 'make'), 'done');

    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
    await until('nobody listens for who is gone', () => listeners(project).length === 0);
  },
);

withSshd('a runner that is killed leaves no listener', async ({ project, env }) => {
  // With a connection of its own: a shared one would stay for a minute.
  const runner = startFarRunner(project, { ...env, GIT_SSH_COMMAND: 'ssh' });
  await until('a listener', () => listeners(project).length === 1);
  runner.kill('SIGKILL');
  await runner.exited;
  await until('its end', () => listeners(project).length === 0);
});

withSshd(
  'where the host has no dstack, or it no hook, that is said once, and polling does',
  async ({ project, env, bin }) => {
    const polls = { ...env, DSTACK_RUNNER_POLL: '200ms' };
    renameSync(path.join(bin, 'dstack'), path.join(bin, 'else'));
    for (const prepare of [
      () => {},
      () => {
        renameSync(path.join(bin, 'else'), path.join(bin, 'dstack'));
        rmSync(path.join(project.shared, 'hooks/post-receive'));
      },
    ]) {
      prepare();
      const runner = startFarRunner(project, polls);
      await until('that it polls', () =>
        /has no hook that tells of what is new: polling/.test(runner.output()),
      );
      assert.is(await done(project, await project.submit(['make', '--no-cache']), 'make'), 'done');
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      assert.is(runner.output().match(/: polling/g)?.length, 1);
    }
  },
);

test('says what happens, until its input ends; only of a bare repository with the hook', async ({
  project,
}) => {
  const child = spawn(
    process.execPath,
    [executable, 'hook', 'listen', project.shared.replace(/\.git$/, '')],
    {
      env: project.env,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    said += more;
  });
  const exited = new Promise((resolve) => child.once('close', resolve));
  await until('its greeting', () => said === 'dstack hook 1\n');
  await project.submit(['make']);
  await until('a wake', () => said.startsWith('dstack hook 1\nwake\n'));
  child.stdin.end();
  assert.is(await exited, 0);
  await fails(project, ['hook', 'listen', project.folder], {
    exitCode: 1,
    words: [/has no hook to listen to/],
  });
  await fails(project, ['hook', 'listen', `${project.root}/none`], {
    exitCode: 1,
    words: [/no Git repository/],
  });
  rmSync(path.join(project.shared, 'hooks/post-receive'));
  await fails(project, ['hook', 'listen', project.shared], {
    exitCode: 1,
    words: [/has no hook to listen to/],
  });
});

test.run();
