import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executable, fails } from './cli-support.ts';
import { createProject, type Result, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: prepare
    commands: ['mkdir -p data', 'echo "$ROWS rows" > data/clean.txt']
    artifacts: [data]
  - name: train
    help: Train the model
    depends-on: {workflows: [prepare]}
    commands: ['cat data/clean.txt', 'echo lr $LEARNING_RATE']
  - name: again
    depends-on: ['prepare:good']
    commands: [cat data/clean.txt]
  - name: broken
    commands: [echo almost, exit 3]
  - name: talkative
    commands: ['for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done', 'touch "$TOUCH"']
    env: [TOUCH]
  - name: halves
    commands: ["printf 'caf\\\\303'; sleep 2; printf '\\\\251\\\\nend\\\\303'"]
`;
const variables = 'variables: {global: {rows: 5}, train: {learning_rate: 0.1}}\n';

const test = suite<{ project: TestProject }>('dstack run');

test.before(async (context) => {
  context.project = await createProject(workflows);
  context.project.write({ '.dstack/variables.yaml': variables });
});
test.after(({ project }) => project.remove());

function succeeded(result: Result): Result {
  assert.is(result.exitCode, 0, result.stderr);
  return result;
}

test('--detach prints the name and nothing else; --json one document', async ({ project }) => {
  const plain = succeeded(await project.dstack(['run', 'train', '-d', '--name', 'first-run']));
  assert.is(plain.stdout, 'first-run\n');
  // There at once, in the user's own repository.
  assert.match(
    await project.git(['show', 'refs/dstack/runs/first-run'], { cwd: project.folder }),
    /first-run: train/,
  );
  const json = succeeded(await project.dstack(['run', 'train', '-d', '--json', '--name', 'in-json']));
  const { run, commit, jobs } = JSON.parse(json.stdout);
  assert.equal(jobs, ['prepare', 'train']);
  assert.is(await project.git(['rev-parse', `refs/dstack/runs/${run}`]), commit);
  assert.is(json.stderr, '');
});

test('a reason can do no harm to the terminal of whoever reads the history', async ({ project }) => {
  succeeded(
    await project.dstack(['run', 'train', '-d', '--name', 'reasoned', '--reason', 'why\x1b[2J\nnot']),
  );
  const message = await project.git(['log', '-1', '--format=%B', 'refs/dstack/runs/reasoned']);
  assert.ok(message.includes('why\\x1b[2J\nnot'), JSON.stringify(message));
});

test('--dry-run shows the plan and pushes nothing', async ({ project }) => {
  // Without the history, which the hook may still be deriving.
  const refs = () => project.git(['for-each-ref', 'refs/dstack', 'refs/heads']);
  const before = await refs();
  const plain = succeeded(await project.dstack(['run', 'train', '--dry-run', '--rows', '9']));
  assert.is(
    plain.stdout,
    'prepare  process  runs: rows 5 → 9 since reasoned\n' +
      '└ train  process  runs: rows 5 → 9 since reasoned\n' +
      '2 jobs to execute, 0 from the cache\n',
  );
  const json = succeeded(await project.dstack(['run', 'train', '--dry-run', '--json', '--rows', '9']));
  const jobs = JSON.parse(json.stdout);
  assert.equal(
    jobs.map(({ name, variables: own, cached }: Record<string, unknown>) => [name, own, cached]),
    [
      ['prepare', { rows: '9' }, false],
      ['train', { rows: '9', learning_rate: '0.1' }, false],
    ],
  );
  assert.is(await refs(), before);
});

test('--local: logs on stdout behind their job, what happens on stderr, exit code 0', async ({ project }) => {
  const { stdout, stderr } = succeeded(
    await project.dstack(['run', 'train', '--local', '--learning-rate', '0.5', '--rows=7', '--tag', 'good']),
  );
  assert.is(stdout, 'train   | 7 rows\ntrain   | lr 0.5\n');
  assert.match(stderr, /train: running|train: done/);
  assert.match(stderr, /✔ done/);
  assert.not.match(stderr, /\x1b/);
});

test('exit code 1 for a job that failed, and its reason once', async ({ project }) => {
  const { exitCode, stdout, stderr } = await project.dstack(['run', 'broken', '--local']);
  assert.is(exitCode, 1);
  assert.is(stdout, 'almost\n');
  assert.is(stderr.match(/exit code 3/g)?.length, 1, stderr);
});

test('--json streams one document a line, the outcome last', async ({ project }) => {
  const { exitCode, stdout } = await project.dstack(['run', 'broken', '--local', '--json']);
  assert.is(exitCode, 1);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(events.some(({ kind, text }) => kind === 'log' && text === 'almost\n'));
  const last = events.at(-1);
  assert.is(last.kind, 'run');
  assert.is(last.run.state, 'failed');
  assert.is(last.run.jobs[0].exitCode, 3);
});

test('--json has characters whole that came in two pieces of the log', async ({ project }) => {
  const { stdout } = succeeded(await project.dstack(['run', 'halves', '--local', '--json']));
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const texts = events.filter(({ kind }) => kind === 'log').map(({ text }) => text);
  assert.is(texts[0], 'caf');
  // Half of one at the very end is none.
  assert.is(texts.join(''), 'café\nend\ufffd');
  assert.is(events.at(-1).kind, 'run');
});

test('a tagged run gives its artifacts and is not run again', async ({ project }) => {
  const { stdout, stderr } = succeeded(await project.dstack(['run', 'again', '--local']));
  assert.is(stdout, '7 rows\n');
  assert.not.match(stderr, /prepare: /);
  await fails(project, ['run', 'again', '-d', '--tag', 'good'], {
    exitCode: 1,
    words: [/prepare:good|no tag|tag/],
  });
});

test('results downloaded into the project are not in its next snapshot', async ({ project }) => {
  const run = succeeded(await project.dstack(['run', 'prepare', '--local', '--json'])).stdout;
  const { name } = JSON.parse(run.trim().split('\n').at(-1) ?? '').run;
  succeeded(await project.dstack(['artifacts', 'download', name]));
  assert.is(readFileSync(path.join(project.folder, name, 'data/clean.txt'), 'utf8'), '5 rows\n');
  const status = await project.git(['status', '--porcelain'], { cwd: project.folder });
  assert.not.match(status, new RegExp(name));
  succeeded(await project.dstack(['artifacts', 'download', name]));
});

test('help of a workflow: what it does, what runs first, its variables', async ({ project }) => {
  for (const args of [
    ['run', 'train', '--help'],
    ['run', '-h', 'train'],
  ]) {
    const { stdout } = succeeded(await project.dstack(args));
    assert.match(stdout, /Train the model/);
    assert.match(stdout, /Runs first: prepare/);
    assert.match(stdout, /--learning-rate +default: 0\.1\n/);
    assert.match(stdout, /--rows +default: 5\n/);
  }
  assert.match(succeeded(await project.dstack(['run', '--help'])).stdout, /--allow-secret <path>.*\n/);
});

test('from a folder below the top it is the whole project that runs', async ({ project }) => {
  const cwd = path.join(project.folder, 'deep/er');
  mkdirSync(cwd, { recursive: true });
  project.write({ 'deep/note.txt': 'x\n' });
  const { stdout } = succeeded(await project.dstack(['run', 'train', '-d'], { cwd }));
  const files = await project.git(['ls-tree', '-r', '--name-only', `refs/dstack/runs/${stdout.trim()}`]);
  assert.ok(files.split('\n').includes('deep/note.txt'));
  assert.ok(files.split('\n').includes('README.md'));
});

test('before the first commit', async ({ project }) => {
  const cwd = path.join(project.root, 'unborn');
  await project.git(['init', '--quiet', cwd], { cwd: project.root });
  succeeded(await project.dstack(['init', '--remote', project.shared], { cwd }));
  const { stdout } = succeeded(await project.dstack(['run', 'hello', '-d'], { cwd }));
  const run = `refs/dstack/runs/${stdout.trim()}`;
  assert.is(await project.git(['log', '--format=%P', run]), '');
  const local = succeeded(await project.dstack(['run', 'hello', '--local', '--who', 'you'], { cwd }));
  assert.match(local.stdout, /^Hello, you, from /);
});

test('--reason is kept with the run', async ({ project }) => {
  const run = await project.submit(['train', '--reason', 'is it\nthe rate?']);
  const { stdout } = succeeded(await project.dstack(['status', run, '--json']));
  assert.is(JSON.parse(stdout).reason, 'is it\nthe rate?');
});

test('status: JSON, and how many older runs are left out', async ({ project }) => {
  const json = succeeded(await project.dstack(['status', '--json', '-n', '1']));
  const { runs, runners } = JSON.parse(json.stdout);
  assert.is(runs.length, 1);
  assert.equal(runners, []);
  const table = succeeded(await project.dstack(['status', '-n', '2']));
  assert.is(table.stdout.trimEnd().split('\n').length, 3);
  assert.match(table.stderr, /^… \d+ older runs: dstack status -a\n$/);
  const all = succeeded(await project.dstack(['status', '-a', '--workflow', 'broken', '--state', 'failed']));
  assert.match(all.stdout, /broken +failed/);
  assert.is(all.stderr, '');
  for (const args of [['runners'], ['tags'], ['validate']])
    assert.type(JSON.parse(succeeded(await project.dstack([...args, '--json'])).stdout).length, 'number');
});

test('a reader that goes away ends no local run', async ({ project }) => {
  const touched = path.join(project.root, 'touched');
  rmSync(touched, { force: true });
  const child = spawn(process.execPath, [executable, 'run', 'talkative', '--local', '--name', 'unread'], {
    cwd: project.folder,
    env: { ...project.env, TOUCH: touched },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdout.destroy();
  assert.is(await ended, 0);
  const { stdout } = succeeded(await project.dstack(['status', 'unread', '--json']));
  assert.is(JSON.parse(stdout).state, 'done');
});

test('a reader that goes away ends what only prints, without a word', async ({ project }) => {
  const child = spawn(process.execPath, [executable, 'logs', '-f', 'first-run'], {
    cwd: project.folder,
    env: project.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const runner = await project.dstack(['runner', 'start', '--drain', '--executor', 'process']);
  assert.is(runner.exitCode, 0, runner.stderr);
  assert.is(await ended, 0);
  // Nothing of its own end; that it waited, perhaps.
  assert.match(text, /^((there is no|waiting for a) runner\b.*\n)?$/);
});

test.run();
