import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { executable } from './cli-support.ts';
import { createProject, type TestProject, until } from './project.ts';

const workflows = `
workflows:
  - name: train
    commands:
      - echo begun
      - while [ ! -e "$GO_ON" ]; do sleep 0.1; done
      - 'mkdir out; echo trained > out/model.txt'
      - echo over
    env: [GO_ON]
    artifacts: [out]
`;

interface Context {
  project: TestProject;
  sshd: ChildProcess;
  /** What every command is told: the remote over ssh, the store, how to log in. */
  env: NodeJS.ProcessEnv;
  goOn: string;
}
const test = suite<Context>('over ssh');

const SSHD = '/usr/sbin/sshd';
const available = existsSync(SSHD);
if (!available && process.env.CI === 'true') throw new Error(`${SSHD} is missing: install openssh-server`);
if (!available) console.log('skipped: there is no sshd on this machine (Debian: openssh-server)');
const withSshd = available ? test : test.skip;

test.before(async (context) => {
  if (!available) return;
  const project = await createProject(workflows);
  context.project = project;
  context.goOn = path.join(project.root, 'go-on');
  const keys = path.join(project.root, 'keys');
  mkdirSync(keys, { mode: 0o700 });
  for (const name of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(keys, name)]);
  writeFileSync(path.join(keys, 'authorized'), readFileSync(path.join(keys, 'user.pub')), { mode: 0o600 });
  const port = await freePort();
  writeFileSync(
    path.join(keys, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${keys}/host`,
      `AuthorizedKeysFile ${keys}/authorized`,
      `PidFile ${keys}/pid`,
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'UsePAM no',
      // The temporary folder is anybody's.
      'StrictModes no',
      '',
    ].join('\n'),
  );
  // It separates its privileges into this folder.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  context.sshd = spawn(SSHD, ['-D', '-e', '-f', path.join(keys, 'sshd_config')], { stdio: 'ignore' });
  const ssh = [
    ...[
      'ssh',
      '-F',
      'none',
      '-i',
      path.join(keys, 'user'),
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'BatchMode=yes',
    ],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
  ];
  context.env = {
    DSTACK_REMOTE: `ssh://${userInfo().username}@127.0.0.1:${port}${project.shared}`,
    DSTACK_STORE: `file:${project.store}`,
    DSTACK_RUNNER_POLL: '300ms',
    GIT_SSH_COMMAND: ssh.join(' '),
    GO_ON: context.goOn,
  };
  await until('sshd', () =>
    project.git(['ls-remote', String(context.env.DSTACK_REMOTE)], { env: context.env }).then(() => true),
  );
});
test.after(async ({ project, sshd }) => {
  if (!available) return;
  sshd.kill();
  await project.remove();
});

withSshd(
  'submitted, executed by a runner that polls, followed from elsewhere, and the results fetched',
  async ({ project, env, goOn }) => {
    const run = await project.submit(['train'], { env });
    const home = path.join(project.root, 'runner-home');
    const runner = project.startRunner('far', ['--executor', 'process', '--once'], {
      ...env,
      HOME: home,
      XDG_CACHE_HOME: `${home}/cache`,
      XDG_CONFIG_HOME: `${home}/config`,
      XDG_STATE_HOME: `${home}/state`,
    });

    const clone = path.join(project.root, 'clone');
    await project.git(['clone', '--quiet', String(env.DSTACK_REMOTE), clone], { cwd: project.root, env });
    const follower = spawn(process.execPath, [executable, 'logs', '-f', run], {
      cwd: clone,
      env: { ...project.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let log = '';
    follower.stdout.setEncoding('utf8').on('data', (more: string) => {
      log += more;
    });
    const followed = new Promise((resolve) => follower.once('close', resolve));
    await until('the first line, while the job runs', () => log === 'begun\n');
    writeFileSync(goOn, '');
    assert.is(await followed, 0);
    assert.is(log, 'begun\nover\n');
    assert.is(await runner.exited, 0, runner.output());

    const download = await project.dstack(['artifacts', 'download', run, '-o', 'got'], { cwd: clone, env });
    assert.is(download.exitCode, 0, download.stderr);
    assert.is(readFileSync(path.join(clone, 'got/out/model.txt'), 'utf8'), 'trained\n');
    const status = await project.dstack(['status', '--json'], { cwd: clone, env });
    assert.is(JSON.parse(status.stdout).runs[0].state, 'done');
    // The clone has learned its refs under a prefix of dstack's own; nothing of the user's has moved.
    const own = await project.git(['for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/tags'], {
      cwd: clone,
    });
    assert.not.match(own, /dstack/);
  },
);

test.run();
