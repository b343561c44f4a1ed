import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from './cli-support.ts';
import { type TestProject, withProject } from './project.ts';

const workflows = 'workflows:\n  - name: hello\n    commands: [echo hello]\n';

function hasSystemd(): boolean {
  if (spawnSync('systemd-analyze', ['--version']).status === 0) return true;
  if (process.env.CI === 'true') throw new Error('CI has no systemd-analyze');
  console.log('SKIP systemd units: systemd-analyze is not installed');
  return false;
}

/** What systemd itself says of a unit; nothing if that is fine. */
function verify(project: TestProject, unit: string, ...args: string[]): string {
  const file = path.join(project.root, 'dstack-runner.service');
  writeFileSync(file, unit);
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...args, file], {
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: project.root },
  });
  return status === 0
    ? stderr
        .split('\n')
        .filter((line) => line.includes('dstack-runner'))
        .join('\n')
    : stderr;
}

test(
  'a unit starts the runner as it was asked for, here, and systemd understands it',
  withProject(workflows, async (project) => {
    const odd = path.join(project.root, 'a "b" 100% $HOME');
    mkdirSync(odd);
    const args = [
      'runner',
      'unit',
      '--name',
      'gpu-1',
      '--concurrency',
      '2',
      '--label',
      'a=b c',
      '--label',
      'd=50%',
    ];
    const env = { AWS_SECRET_ACCESS_KEY: 'hidden', DSTACK_REMOTE: project.shared };
    const { exitCode, stdout, stderr } = await project.dstack(args, { cwd: odd, env });
    assert.is(exitCode, 0, stderr);
    assert.not.match(stdout, /hidden/);
    assert.match(stderr, /systemctl enable --now/);
    assert.match(stderr, /AWS_SECRET_ACCESS_KEY not taken in/);
    assert.match(stdout, /^Description=dstack runner gpu-1$/m);
    assert.ok(stdout.includes(`WorkingDirectory=${odd.replace('%', '%%')}\n`));
    assert.match(
      stdout,
      /^ExecStart=.* runner start --concurrency=2 "--label=a=b c" --label=d=50%% --name=gpu-1$/m,
    );
    const user = await project.dstack([...args, '--user', '--executor', 'docker']);
    assert.match(user.stdout, /runner start --executor=docker --concurrency=2 /);
    assert.not.match(user.stdout, /--user|^User=/m);
    if (!hasSystemd()) return;
    assert.is(verify(project, stdout), '');
    assert.is(verify(project, (await project.dstack([...args, '--executor', 'docker'])).stdout), '');
    // Like this it finds a mistake.
    assert.match(verify(project, stdout.replace('KillMode=mixed', 'KillMode=mixd')), /mixd/);
  }),
);

test(
  'what the unit starts is a runner',
  withProject(workflows, async (project) => {
    const { stdout } = await project.dstack([
      'runner',
      'unit',
      '--name',
      'gpu-1',
      '--once',
      '--executor=process',
    ]);
    const run = await project.submit(['hello']);
    const command = /^ExecStart=(.*)$/m.exec(stdout)?.[1] ?? '';
    // Without what is odd, a shell reads the line as systemd does.
    execFileSync('sh', ['-c', command], { cwd: project.folder, env: project.env, stdio: 'ignore' });
    assert.is((await project.record(run, 'hello')).runner, 'gpu-1');
  }),
);

test(
  'where no runner could be started there is no unit',
  withProject(workflows, async (project) => {
    await fails(project, ['runner', 'unit', '--executor', 'podman'], { exitCode: 2, words: [/podman/] });
    const words = [/not known which shared repository/];
    await fails(project, ['runner', 'unit'], { exitCode: 1, words }, { cwd: project.root });
  }),
);

test.run();
