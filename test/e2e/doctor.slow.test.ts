// `dstack doctor`: what it prints, asks, writes and leaves alone.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { httpHost } from '../git/http-host.ts';
import { serve } from '../ledger/git-daemon.ts';
import { guard, type Shared, sharedAt } from '../ledger/support.ts';
import { hasSshd, startSshd } from '../transports/sshd.ts';
import { skipped } from '../transports/whole-run.ts';
import { executable, fails, openTerminal } from './cli-support.ts';
import { createProject, type TestProject, until } from './project.ts';

const workflows = 'workflows: [{name: train, commands: [echo training]}]\n';
if (!hasSshd) skipped('doctor over ssh', 'there is no sshd (Debian: openssh-server)');
const test = suite<{ project: TestProject; guarded: Shared }>('dstack doctor');

test.before(async (context) => {
  context.project = await createProject(workflows);
  const shared = path.join(context.project.root, 'guarded.git');
  await context.project.git(['init', '--quiet', '--bare', shared], { cwd: context.project.root });
  context.guarded = sharedAt(shared);
  guard(context.guarded);
});
test.after(({ project }) => project.remove());

const settingsOf = (project: TestProject) => path.join(project.folder, '.dstackrc');

test('says that all is well, and changes nothing', async ({ project }) => {
  const { refs } = sharedAt(project.shared);
  const [before, settings] = [refs(), readFileSync(settingsOf(project), 'utf8')];
  const state = await project.git(['for-each-ref'], { cwd: project.folder });
  const { exitCode, stdout, stderr } = await project.dstack(['doctor', '--write']);
  assert.is(exitCode, 0, stderr);
  assert.match(stdout, /^compare and swap +yes +ok$/m);
  assert.match(stdout, /^hook +yes +ok$/m);
  assert.match(stdout, /It works with your settings as they are\./);
  assert.is(stderr, '');
  assert.equal(refs(), before);
  assert.is(readFileSync(settingsOf(project), 'utf8'), settings);
  assert.is(await project.git(['for-each-ref'], { cwd: project.folder }), state);
  assert.is(existsSync(path.join(project.folder, '.git/dstack')), false);
});

test('tells programs the same', async ({ project }) => {
  const { stdout } = await project.dstack(['doctor', '--json', '--megabytes', '0']);
  const { usable, greeting, findings, settings, written, left } = JSON.parse(stdout);
  assert.equal({ usable, settings, written, left }, { usable: true, settings: {}, written: false, left: [] });
  assert.is(greeting.protocol, 2);
  assert.equal(
    findings.filter(({ allowed }: { allowed: boolean }) => !allowed),
    [],
  );
});

test('of another repository it prints the settings in a pipe, and writes them if it is told to', async ({
  project,
  guarded,
}) => {
  const before = readFileSync(settingsOf(project), 'utf8');
  const told = await project.dstack(['doctor', '../guarded.git']);
  assert.is(told.exitCode, 0, told.stderr);
  assert.match(told.stdout, /refs under refs\/dstack +no +works with refPrefix: refs\/heads\/dstack/);
  assert.match(told.stdout, /\n {2}remote: \.\.\/guarded\.git\n {2}refPrefix: refs\/heads\/dstack\n$/);
  assert.match(told.stderr, /left there, .*refs\/heads\/dstack\/probe\//);
  assert.is(readFileSync(settingsOf(project), 'utf8'), before);

  const written = await project.dstack(['doctor', '../guarded.git', '-y']);
  assert.match(written.stderr, /wrote \.dstackrc/);
  assert.is(await project.submit(['train', '--name', 'tried']), 'tried');
  assert.ok(guarded.refs().has('refs/heads/dstack/runs/tried'));
  // Now these are the settings.
  assert.match((await project.dstack(['doctor'])).stdout, /works with your settings as they are/);
  writeFileSync(settingsOf(project), before);
});

test('on a terminal it asks', async ({ project }) => {
  const before = readFileSync(settingsOf(project), 'utf8');
  const terminal = await openTerminal(project);
  try {
    for (const [key, after] of [
      ['n', before],
      ['y', before.replace(/remote: .*/, 'remote: ../guarded.git\nrefPrefix: refs/heads/dstack')],
    ] as const) {
      await terminal.clear();
      terminal.send('dstack doctor ../guarded.git', 'Enter');
      await terminal.until('the question', (lines) => lines.join('').includes('[y/N]'));
      terminal.send(key, 'Enter');
      await terminal.until('the end', (lines) => lines.some((line) => line.startsWith('ended with 0')));
      assert.is(readFileSync(settingsOf(project), 'utf8'), after);
    }
  } finally {
    terminal.close();
    writeFileSync(settingsOf(project), before);
  }
});

test("the project's own Git settings hold", async ({ project }) => {
  const git = (...args: string[]) => project.git(args, { cwd: project.folder });
  const daemon = await serve(project.shared);
  await git('remote', 'add', 'lab', 'lab:shared.git');
  await git('config', `url.${path.dirname(daemon.url)}/.insteadOf`, 'lab:');
  const { exitCode, stdout, stderr } = await project.dstack(['doctor', 'lab']);
  await daemon.stop();
  assert.is(exitCode, 0, stderr);
  assert.match(stdout, /^it answers +yes/m);
});

const withSshd = hasSshd ? test : test.skip;

withSshd('over ssh all of it goes through one connection', async ({ project }) => {
  const folder = path.join(project.root, 'ssh');
  mkdirSync(folder);
  const sshd = await startSshd(folder);
  try {
    const { exitCode, stdout, stderr } = await project.dstack(['doctor', sshd.url(project.shared)], {
      env: sshd.env,
    });
    assert.is(exitCode, 0, stderr);
    assert.match(stdout, /^compare and swap +yes +ok$/m);
    assert.is(sshd.counts().handshakes, 1);
  } finally {
    await sshd.stop();
  }
});

test('where a password is wanted and nobody can be asked, that is what it says', async ({ project }) => {
  const host = await httpHost(project.root);
  host.mood = 401;
  const { exitCode, stdout, stderr } = await project.dstack(['doctor', `${host.url}/shared.git`]);
  const withPassword = await project.dstack([
    'doctor',
    `${host.url.replace('//', '//ann:s3cret@')}/shared.git`,
  ]);
  await host.close();
  assert.is(exitCode, 1);
  assert.match(stdout, /could not read Username/);
  assert.match(stdout, /It can't be used/);
  assert.match(stderr, /hint: check your credentials/);
  assert.is(withPassword.exitCode, 1);
  assert.not.match(withPassword.stdout + withPassword.stderr, /s3cret/);
});

test('interrupted in the middle of a push, it removes what it has created', async ({ project }) => {
  const shared = sharedAt(project.shared);
  const before = shared.refs();
  const daemon = await serve(project.shared);
  // The first push that deletes something, which the second half of it begins with, is told of, and takes a while.
  shared.hook(
    'pre-receive',
    'if grep -q " 0\\{40\\} " && [ ! -e told ]; then touch told; sleep 2; fi; exit 0',
  );
  const child = spawn(process.execPath, [executable, 'doctor', daemon.url], {
    cwd: project.folder,
    env: project.env,
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until('a push', () => shared.marked('told'));
  assert.ok(shared.refs().size > before.size);
  child.kill('SIGINT');
  assert.is(await ended, 130);
  await daemon.stop();
  assert.equal(shared.refs(), before);
  rmSync(path.join(project.shared, 'hooks/pre-receive'));
});

test('it needs no project, but for writing something down', async ({ project }) => {
  const cwd = path.join(project.root, 'elsewhere');
  mkdirSync(cwd);
  const env = { GIT_CEILING_DIRECTORIES: project.root };
  const looked = await project.dstack(['doctor', project.shared], { cwd, env });
  assert.is(looked.exitCode, 0, looked.stderr);
  await fails(
    project,
    ['doctor'],
    { exitCode: 1, words: [/which repository/, /dstack doctor URL/] },
    { cwd, env },
  );
  const words = [/no project here/];
  await fails(project, ['doctor', project.shared, '-y'], { exitCode: 2, words }, { cwd, env });
});

test('who has no role there hears that from its guard, and is shown no way around it', async ({
  project,
}) => {
  const strict = path.join(project.root, 'strict.git');
  await project.git(['init', '--quiet', '--bare', strict], { cwd: project.root });
  assert.is((await project.dstack(['hook', 'install', '--guard', strict])).exitCode, 0);
  for (const role of ['submitter', 'runner'])
    await project.git(['config', `dstack.guard.${role}`, 'somebody-else'], { cwd: strict });
  const { exitCode, stdout } = await project.dstack(['doctor', strict]);
  assert.is(exitCode, 1, stdout);
  assert.match(stdout, 'its guard gives you no role');
  assert.not.match(stdout, 'refs/heads/dstack');
});

test('a size is a number within reason', async ({ project }) => {
  const { exitCode, stderr } = await project.dstack(['doctor', '--megabytes', '5000']);
  assert.is(exitCode, 2);
  assert.match(stderr, /at most 1000/);
});

test.run();
