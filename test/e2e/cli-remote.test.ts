import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { assertForPeople, fails } from './cli-support.ts';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: hello
    commands: ['mkdir out', 'echo hello > out/a.txt']
    artifacts: [out]
  - name: unknown-command
    commands: [surely-not-there]
  - name: no-image
    image: 127.0.0.1:1/nothing:1
    commands: [echo hi]
`;

const test = suite<{ project: TestProject }>('what is wrong elsewhere');

test.before(async (context) => {
  context.project = await createProject(workflows);
});
test.after(({ project }) => project.remove());

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;
if (!isRoot) console.log('SKIP a shared repository that may only be read, a full store: they need root');

test('the shared repository is gone: said with its path; what ran locally can still be seen', async ({
  project,
}) => {
  const local = await project.dstack(['run', 'hello', '--local', '--name', 'local-run']);
  assert.is(local.exitCode, 0, local.stderr);
  const elsewhere = `${project.shared}.moved`;
  renameSync(project.shared, elsewhere);
  try {
    await fails(project, ['run', 'hello', '-d'], {
      exitCode: 1,
      words: [/no Git repository at .*shared\.git/, /hint: /],
    });
    const status = await project.dstack(['status']);
    assert.is(status.exitCode, 0);
    assert.match(status.stdout, /local-run +hello +done/);
    assert.match(status.stderr, /warning: .*shared\.git.*only the runs of --local/);
    assert.is((await project.dstack(['logs', 'local-run'])).exitCode, 0);
    await fails(project, ['logs', 'other'], { exitCode: 1, words: [/no run "other"/] });
  } finally {
    renameSync(elsewhere, project.shared);
  }
});

test('several shared repositories are shown together; one that is missing is said to be', async ({
  project,
}) => {
  const shards = ['one', 'two'].map((name) => path.join(project.root, `shard-${name}.git`)) as [
    string,
    string,
  ];
  for (const [index, shard] of shards.entries()) {
    await project.git(['init', '--quiet', '--bare', shard]);
    const env = { DSTACK_REMOTE: shard };
    const run = await project.dstack(['run', 'hello', '-d', '--name', `in-${index + 1}`], { env });
    assert.is(run.exitCode, 0, run.stderr);
  }
  const both = shards.flatMap((shard) => ['--remote', shard]);
  const table = await project.dstack(['status', ...both]);
  assert.is(table.exitCode, 0, table.stderr);
  assert.match(table.stdout, /^in-2 .* shard-two$\nin-1 .* shard-one$/m);
  assert.not.match(table.stdout, 'local-run');
  const { runs } = JSON.parse((await project.dstack(['status', '--json', ...both])).stdout);
  assert.equal(
    runs.map((run: { name: string; repository: string }) => [run.name, run.repository]).sort(),
    shards.map((shard, index) => [`in-${index + 1}`, shard]),
  );
  assert.match((await project.dstack(['status', 'in-1', ...both])).stdout, /Run: +in-1\n/);

  const missing = path.join(project.root, 'missing.git');
  const rest = await project.dstack(['status', '--remote', missing, '--remote', shards[0]]);
  assert.is(rest.exitCode, 0);
  assert.match(rest.stdout, /^in-1 /m);
  assert.match(rest.stderr, /warning: .*missing\.git.*its runs are not shown/);
  await fails(project, ['status', '--remote', missing], { exitCode: 1, words: [/missing\.git/] });
});

test('a machine that does not answer', async ({ project }) => {
  const closed = await freePort();
  const env = {
    DSTACK_REMOTE: `ssh://nobody@127.0.0.1:${closed}/srv/x.git`,
    GIT_SSH_COMMAND:
      'ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null',
  };
  for (const args of [['run', 'hello', '-d'], ['sync']])
    await fails(
      project,
      args,
      { exitCode: 1, words: [/127\.0\.0\.1/, /refused|ssh/i, /hint: .*address/] },
      { env },
    );
});

test('a hook that refuses is heard, and nothing is tried again', async ({ project }) => {
  const hook = path.join(project.shared, 'hooks/pre-receive');
  const asked = path.join(project.root, 'asked');
  mkdirSync(path.dirname(hook), { recursive: true });
  writeFileSync(hook, `#!/bin/sh\necho x >> '${asked}'\necho 'Only on weekdays, please.' >&2\nexit 1\n`, {
    mode: 0o755,
  });
  try {
    await fails(project, ['run', 'hello', '-d'], {
      exitCode: 1,
      words: [/nothing was submitted/, /Only on weekdays, please/, /hook .*refused/],
    });
    assert.is(execFileSync('cat', [asked], { encoding: 'utf8' }), 'x\n');
    assert.equal(await project.refs('queue'), []);
  } finally {
    rmSync(hook);
  }
});

asRoot('a shared repository that may only be read', async ({ project }) => {
  const folder = path.join(project.root, 'of-nobody');
  const home = path.join(folder, 'home');
  await project.git(['clone', '--quiet', project.folder, folder], { cwd: project.root });
  mkdirSync(home);
  chmodSync(project.root, 0o755);
  execFileSync('chown', ['-R', 'nobody', folder]);
  const distrusted = await runAs('nobody', project, folder, home);
  assertForPeople(distrusted);
  assert.match(distrusted.stderr, /safe\.directory .*shared\.git[\s\S]*hint: Git distrusts/);
  writeFileSync(path.join(home, 'gitconfig'), '[safe]\n\tdirectory = *\n');
  const outcome = await runAs('nobody', project, folder, home);
  assertForPeople(outcome);
  assert.is(outcome.exitCode, 1);
  assert.match(outcome.stderr, /nothing was submitted: .*shared\.git/);
  assert.match(outcome.stderr, /hint: .*(write access|write to it)/);
  assert.equal(await project.refs('queue'), []);
});

asRoot('a full disk under the store: the job fails and says so', async ({ project }) => {
  const disk = path.join(project.root, 'small');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  try {
    project.write({
      '.dstack/workflows/full.yaml':
        'workflows:\n  - name: full\n    commands: ["mkdir out", "head -c 300000 /dev/urandom > out/big"]\n    artifacts: [out]\n',
    });
    const run = await project.submit(['full']);
    const env = { DSTACK_STORE: `file:${disk}` };
    const runner = await project.dstack(['runner', 'start', '--once', '--executor', 'process'], { env });
    assert.is(runner.exitCode, 0, runner.stderr);
    const { state, reason } = await project.record(run, 'full');
    assert.is(state, 'failed');
    assert.match(String(reason), /no room left in the store/);
  } finally {
    execFileSync('umount', ['-l', disk]);
    rmSync(path.join(project.folder, '.dstack/workflows'), { recursive: true });
  }
});

test('a command that is not there, and an image that is not', async ({ project }) => {
  const command = await project.dstack(['run', 'unknown-command', '--local']);
  assert.is(command.exitCode, 1);
  assert.match(command.stderr, /surely-not-there|exit code 127 \(a command was not found\)/);
  assert.match(command.stderr, /unknown-command: exit code 127/);
  const image = await project.dstack(['run', 'no-image', '--local']);
  assert.is(image.exitCode, 1);
  assert.match(image.stderr, /no-image: .*127\.0\.0\.1:1\/nothing:1|no-image: .*Docker/);
});

test('no Docker: a local run says so and does without the image; a runner for Docker does not start', async ({
  project,
}) => {
  const env = { DOCKER_HOST: `unix://${project.root}/no-docker.sock` };
  const local = await project.dstack(['run', 'no-image', '--local'], { env });
  assert.match(local.stderr, /Docker/);
  await fails(
    project,
    ['runner', 'start', '--executor', 'docker', '--once'],
    { exitCode: 1, words: [/Docker/, /hint: /] },
    { env },
  );
});

/** `dstack run hello -d` as another user, who can read the shared repository. */
async function runAs(user: string, project: TestProject, cwd: string, home: string) {
  // A copy: the checkout that is being tested may be readable for its owner only.
  const built = path.join(project.root, 'built');
  if (!existsSync(built)) {
    const source = path.join(import.meta.dirname, '../..');
    mkdirSync(built);
    execFileSync('cp', ['-r', path.join(source, 'dist'), path.join(source, 'package.json'), built]);
    execFileSync('chmod', ['-R', 'a+rX', built, project.shared]);
  }
  const { spawnSync } = await import('node:child_process');
  const { status, stdout, stderr } = spawnSync(
    'setpriv',
    [
      `--reuid=${user}`,
      '--clear-groups',
      process.execPath,
      path.join(built, 'dist/dstack.js'),
      'run',
      'hello',
      '-d',
    ],
    {
      cwd,
      encoding: 'utf8',
      env: {
        ...project.env,
        HOME: home,
        TMPDIR: home,
        XDG_CACHE_HOME: `${home}/cache`,
        XDG_STATE_HOME: `${home}/state`,
        DSTACK_REMOTE: project.shared,
        GIT_CONFIG_GLOBAL: path.join(home, 'gitconfig'),
        GIT_CONFIG_COUNT: '0',
      },
    },
  );
  return { exitCode: status ?? 128, stdout, stderr };
}

test.run();
