import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executable, fails } from './cli-support.ts';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: train
    commands: [echo training]
  - name: tidy
    commands: [echo tidying]
`;

const test = suite<{ project: TestProject; empty: string }>('what a person did wrong');

test.before(async (context) => {
  context.project = await createProject(workflows);
  context.project.write({ '.dstack/variables.yaml': 'variables: {train: {learning_rate: 0.1, rows: 7}}\n' });
  context.empty = path.join(context.project.root, 'empty');
  mkdirSync(context.empty);
  await context.project.submit(['train', '--name', 'calm-fox-1111']);
  await context.project.submit(['train', '--name', 'calm-fox-2222']);
});
test.after(({ project }) => project.remove());

/** What is typed → the exit code, and the words that say what, where and what to do. */
const mistakes: [args: string[], exitCode: number, ...words: RegExp[]][] = [
  [['run', 'trian'], 2, /no workflow `trian`; did you mean `train`\?/, /hint: .*train, tidy/],
  [['run', 'train', '--rws', '1'], 2, /no variable `rws`; did you mean `--rows`/, /--learning-rate.*--rows/],
  [['run', 'train', '--rows'], 2, /--rows needs a value/],
  [['run', 'train', 'tidy'], 2, /one workflow at a time: train or tidy/],
  [['run', 'train', '-x'], 2, /no option -x/, /dstack run --help/],
  [['run'], 2, /which workflow/, /train, tidy/],
  [['run', 'train', '--local', '--detach'], 2, /--local .*--detach/],
  [['run', 'train', '--name', 'Bad Name'], 2, /"Bad Name" can't be the name of a run/, /lower-case/],
  [['run', 'train', '--name', 'a/../b'], 2, /can't be the name of a run/],
  [['run', 'train', '--tag', 'x.lock'], 2, /"x.lock" can't be the name of a tag/],
  [['run', 'train', '-d', '--name', 'calm-fox-1111'], 1, /a run named calm-fox-1111 already/, /hint: /],
  [['statsu'], 2, /unknown command 'statsu'; did you mean status\?/, /dstack --help/],
  [['artifacts', 'lst'], 2, /unknown command 'lst'/, /dstack artifacts --help/],
  [['status', '--bogus'], 2, /unknown option '--bogus'/, /dstack status --help/],
  [['status', '-n', 'many'], 2, /must be a whole number/],
  [['status', '--state', 'happy'], 2, /no state "happy"/, /running/],
  [['status', 'nobody'], 1, /no run "nobody"/, /hint: .*calm-fox-2222/],
  [['status', 'calm-fox'], 1, /"calm-fox" can be any of 2 runs/, /calm-fox-1111/],
  [['status', 'calm-fox-1111/x'], 1, /has no job "x"/, /train/],
  [['status', ':best'], 1, /no tag "best"/, /dstack tags/],
  [['logs'], 2, /missing required argument 'run'/, /`dstack status` lists the runs/],
  [['logs', 'calm-fox-1111', '--since', 'soon'], 2, /"soon" is no duration/, /5m/],
  [['stop', 'calm-fox-1111'], 2, /nobody is there to confirm/, /-y/],
  [['untag', 'best'], 1, /no tag best/],
  [['artifacts', 'download', 'calm-fox-1111'], 1, /has left no artifacts/, /dstack logs -f/],
  [['checkout', 'calm-fox-1111', '-o', '.'], 1, /is not empty/, /folder/],
  [['hook', 'install', 'nowhere'], 1, /no Git repository at nowhere/, /dstack init --create/],
  [['init', '--remote', 'a', '--create', 'b'], 2, /--create .*--remote/],
  [
    ['init', '--remote', 'https://me:word@host/x.git'],
    2,
    /password in this URL/,
    /hint: .*credential helper/,
  ],
  [['init', '--remote', '../gone.git'], 2, /nothing at .*gone\.git/, /dstack init --create/],
];
for (const [args, exitCode, ...words] of mistakes) {
  test(`dstack ${args.join(' ')}`, async ({ project }) => {
    await fails(project, args, { exitCode, words });
  });
}

test('output that cannot be written is a failure, in one line', ({ project }) => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [executable, 'status', '--json'], {
    cwd: project.folder,
    env: project.env,
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  assert.match(stderr, /^error: writing the output failed: .*no space left.*\n$/i);
  assert.is(status, 1);
});

test('outside of any Git repository', async ({ project, empty }) => {
  const expected = { exitCode: 1, words: [/empty is not in a Git repository/, /git init/] };
  for (const args of [['status'], ['run', 'train'], ['init']])
    await fails(project, args, expected, { cwd: empty });
});

test('in a repository without .dstack, and without a shared repository', async ({ project, empty }) => {
  const cwd = path.join(empty, 'fresh');
  await project.git(['init', '--quiet', cwd], { cwd: empty });
  const noFiles = { exitCode: 1, words: [/no \.dstack\/workflows\.yaml/, /dstack init/] };
  await fails(project, ['run', 'train'], noFiles, { cwd });
  await fails(project, ['validate'], noFiles, { cwd });
  const noRemote = { exitCode: 1, words: [/no shared repository/, /--create/, /--local/] };
  await fails(project, ['status'], noRemote, { cwd });
  mkdirSync(path.join(cwd, '.dstack'));
  writeFileSync(path.join(cwd, '.dstack/workflows.yaml'), workflows);
  await fails(project, ['run', 'train'], noRemote, { cwd });
  const plan = await project.dstack(['run', 'train', '--dry-run'], { cwd });
  assert.is(plan.exitCode, 0, plan.stderr);
  assert.match(plan.stdout, /to execute, 0 from the cache/);
  assert.match(plan.stderr, /no shared repository.*`--local`.*--create/);
});

test('a mistake in the files is shown at its place, and nothing is pushed', async ({ project, empty }) => {
  const cwd = path.join(empty, 'wrong');
  await project.git(['init', '--quiet', cwd], { cwd: empty });
  mkdirSync(path.join(cwd, '.dstack'));
  writeFileSync(path.join(cwd, '.dstack/workflows.yaml'), 'workflows:\n  - nam: a\n    commands: [x]\n');
  const expected = { exitCode: 1, words: [/workflows\.yaml:2:5: .*`nam`.*`name`/, /hint: /] };
  await fails(project, ['validate'], expected, { cwd });
  await fails(project, ['run', 'a', '--local'], expected, { cwd });
});

test('secrets and large files are refused by name, until they are allowed', async ({ project }) => {
  project.write({ '.env': 'TOKEN=hunter2\n' });
  const words = [/\.env/, /--allow-secret|\.gitignore|ignore/];
  const { stderr } = await fails(project, ['run', 'train', '-d'], { exitCode: 1, words });
  if (stderr.includes('hunter2')) throw new Error('the secret itself was shown');
  await project.submit(['train', '--allow-secret', '.env']);
  project.write({ '.gitignore': '.env\n', 'big.bin': Buffer.alloc(51 * 1024 * 1024).toString('latin1') });
  await fails(project, ['run', 'train', '-d'], { exitCode: 1, words: [/big\.bin/, /--allow-large/] });
  await project.submit(['train', '--allow-large']);
});

test('a Git that is too old is named, whatever it was that failed of it', async ({ project, empty }) => {
  const bin = path.join(empty, 'bin');
  mkdirSync(bin);
  const real = process.env.PATH ?? '';
  writeFileSync(
    path.join(bin, 'git'),
    `#!/bin/sh
case " $* " in
  *" version "*) echo git version 2.30.2 ;;
  *" --path-format"*) echo "fatal: unknown option" >&2; exit 129 ;;
  *) PATH='${real}' exec git "$@" ;;
esac
`,
    { mode: 0o755 },
  );
  const expected = { exitCode: 1, words: [/needs Git 2\.\d+ or newer; this is 2\.30\.2/, /install/] };
  // With a limit to where it looks, Git is asked which repository this is.
  const env = { PATH: `${bin}:${real}`, GIT_CEILING_DIRECTORIES: empty };
  for (const args of [['run', 'train'], ['status'], ['runner', 'start', '--once']])
    await fails(project, args, expected, { env });
});

test.run();
