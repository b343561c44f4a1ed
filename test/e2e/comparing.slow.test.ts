// What runs have measured and in what they differ, as people see it: charts, tables, differences, in real terminals.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tmux } from '../tui/tmux.ts';
import { fails, openTerminal } from './cli-support.ts';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - name: prepare
    commands: [echo ready]
  - name: train
    depends-on: {workflows: [prepare]}
    metrics: m.jsonl
    artifacts: [m.jsonl]
    commands: [sh train.sh $lr]
  - name: sweep
    matrix: {lr: [1, 3, 9]}
    metrics: m.jsonl
    commands: ['sh train.sh \${{ matrix.lr }}']
`;
const training = `i=0
while [ $i -lt 30 ]; do
  echo "{\\"step\\": $((10 * i)), \\"loss\\": $((90 / (i + $1))), \\"acc\\": 0.$((10 + i * $1))}" >> m.jsonl
  i=$((i + 1))
done
`;

const test = suite<{ project: TestProject }>('comparing');

test.before(async (context) => {
  const project = await createProject(workflows);
  context.project = project;
  project.write({ '.dstack/variables.yaml': 'variables: {train: {lr: 1}}\n', 'train.sh': training });
  const run = async (...args: string[]) => {
    const { exitCode, stderr } = await project.dstack(['run', ...args, '--local']);
    assert.is(exitCode, 0, stderr);
  };
  await run('train', '--name', 'calm-fox');
  project.write({ 'train.sh': `${training}# faster\n`, 'new.txt': 'x\x1b[2Jy\n' });
  await run('train', '--lr', '3', '--name', 'brave-otter', '--tag', 'best');
  await run('sweep', '--name', 'wide-owl');
});
test.after(({ project }) => project.remove());

async function output(project: TestProject, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await project.dstack(args);
  assert.is(exitCode, 0, stderr);
  return stdout;
}

const terminals: readonly Record<string, string>[] = [{}, { NO_COLOR: '1' }, { LANG: 'C', LC_ALL: 'C' }];

/** The lines of a command's output on a terminal of so many columns, without trailing spaces. */
async function shown(tmux: Tmux, command: string): Promise<string[]> {
  await tmux.clear();
  tmux.send(command, 'Enter');
  const lines = await tmux.until('the end', (all) => all.some((line) => line.startsWith('ended with')));
  assert.ok(lines.includes('ended with 0'), lines.join('\n'));
  return lines;
}

test('metrics: charts on a terminal of any size, with and without colours and Unicode', async ({
  project,
}) => {
  for (const [columns, rows] of [
    [80, 24],
    [200, 50],
    [40, 30],
  ] as const) {
    for (const env of terminals) {
      const tmux = await openTerminal(project, env);
      try {
        tmux.resize(columns, rows);
        const lines = await shown(tmux, 'dstack metrics calm-fox brave-otter -m loss');
        const text = lines.join('\n');
        assert.match(text, /^(> )?loss/m, `${columns} ${JSON.stringify(env)}:\n${text}`);
        assert.match(text, 'LANG' in env ? /^ *80 \+/m : /^ *80 ┤/m);
        assert.match(text, /^ +0? +\d00? .*step$/m);
        assert.match(text, columns > 40 ? /brave-otter\/train +290 +2/ : /brave-.*29/);
        assert.is(
          /[\u2800-\u28ff]/.test(text),
          Object.keys(env).length === 0,
          'several lines in colours only',
        );
        assert.is(text.includes('●'), 'NO_COLOR' in env);
        if ('LANG' in env) assert.match(text, /^[ -~\n]*$/);
      } finally {
        tmux.close();
      }
    }
  }
});

test('metrics in a pipe: last values, CSV, lines as they come', async ({ project }) => {
  assert.is(
    await output(project, 'metrics', 'calm-fox'),
    'JOB             step  loss  acc\ncalm-fox/train  290   3     0.39\n',
  );
  const csv = (await output(project, 'metrics', 'wide-owl', 'wide-owl/sweep-1', '--csv')).split('\n');
  assert.equal(csv.slice(0, 2), ['run,job,matrix.lr,step,loss,acc', 'wide-owl,sweep-1,1,0,90,0.1']);
  assert.is(csv.length, 1 + 3 * 30 + 1, 'each job once');
  const lines = (await output(project, 'metrics', 'calm-fox', '-f', '--json')).split('\n');
  assert.is(lines.length, 31);
  assert.equal(JSON.parse(lines[0] as string), {
    ...{ run: 'calm-fox', job: 'train' },
    point: { step: 0, loss: 90, acc: 0.1 },
  });
  await fails(project, ['metrics', 'calm-fox', '-m', 'los'], {
    ...{ exitCode: 2, words: [/"los" was not measured/, /did you mean loss\?/] },
  });
  await fails(project, ['metrics', 'calm-fox', '-f', '--csv'], {
    exitCode: 2,
    words: [/cannot be used with/],
  });
});

test('compare: runs, tags and the cells of a sweep', async ({ project }) => {
  const compared = await project.dstack(['compare', 'calm-fox', ':best']);
  assert.match(
    compared.stdout.replace(/\b\d+(\.\d)?s\b/g, 'time'),
    /^RUN +TIME +lr +loss +acc\ncalm-fox +time +1 +3 +0\.39\nbrave-otter +time +3 +2 \* +0\.97 \*\n$/,
  );
  assert.match(compared.stderr, /^\* least loss, greatest acc$/m);
  const rows = async (...args: string[]) =>
    (await output(project, 'compare', 'wide-owl', ...args)).split('\n').map((line) => line.split(' ')[0]);
  assert.equal(await rows('--sort', 'loss'), ['JOB', 'sweep-2', 'sweep-3', 'sweep-1', '']);
  assert.is((await rows('--where', 'lr>1')).length, 4);
  assert.equal(await rows('--where', 'lr>1', '--where', 'lr<9'), ['JOB', 'wide-owl/sweep-2', '']);
  const document = JSON.parse(await output(project, 'compare', 'wide-owl', '--max', 'loss', '--json'));
  assert.equal(
    document.map((one: { best: string[] }) => one.best.includes('loss')),
    [true, false, false],
  );
  assert.equal(document[0].variables, { 'matrix.lr': '1' });
  const csv = await output(project, 'compare', 'wide-owl', '--csv');
  assert.match(
    csv,
    /^run,job,workflow,state,startedAt,finishedAt,lr,loss,acc\nwide-owl,sweep-1,sweep,done,2/,
  );
  const wrong = (words: RegExp, ...args: string[]) =>
    fails(project, ['compare', 'wide-owl', ...args], { exitCode: 2, words: [words] });
  await wrong(/did you mean loss/, '--sort', 'lss');
  await wrong(/is no condition/, '--where', 'lr');
  await wrong(/workflows are: sweep/, '--workflow', 'train');
  await wrong(/both as --min and as --max/, '--min', 'acc', '--max', 'acc');
});

test('diff: code, inputs and outcomes', async ({ project }) => {
  const text = await output(project, 'diff', 'calm-fox', 'brave-otter');
  assert.match(text, /^Code\n new\.txt +\| 1 \+\n train\.sh \| 1 \+\n 2 files changed, 2 insertions\(\+\)\n/);
  assert.match(
    text,
    /\nInputs\n {2}train:\n {4}variable lr: 1 → 3\nOutcomes\nJOB +WHAT +calm-fox +brave-otter +CHANGE\n/,
  );
  assert.match(text, /\n(train)? +loss +3 +2 +-1 \(-33%\)\n/);
  const patch = await output(project, 'diff', 'calm-fox', 'brave-otter', '-p');
  assert.match(patch, /\n\+# faster\n/);
  assert.match(patch, /\n\+xy\n/, 'what steers a terminal is taken out');
  assert.match(
    await output(project, 'diff', 'calm-fox', ':best', '-p', 'new.txt'),
    /^diff --git a\/new\.txt/,
  );
  const { files, jobs } = JSON.parse(await output(project, 'diff', 'calm-fox', 'brave-otter', '--json'));
  assert.equal(files, [
    { path: 'new.txt', change: 'added' },
    { path: 'train.sh', change: 'changed' },
  ]);
  assert.equal(
    jobs.map(({ job, differences }: { job: string; differences: object[] }) => [job, differences.length]),
    [
      ['prepare', 0],
      ['train', 1],
    ],
  );
  const other = await output(project, 'diff', 'calm-fox', 'wide-owl');
  assert.match(other, /\nsweep-1 +state +no such job +done\n/);
  assert.match(await output(project, 'diff', 'calm-fox/train', 'wide-owl/sweep-1'), /\ntrain, sweep-1 +/);
  assert.match(
    await output(project, 'diff', 'calm-fox', 'calm-fox'),
    /^Code: the same\nInputs: the same\nOutcomes: the same\n$/,
  );
  await fails(project, ['diff', 'calm-fox'], { exitCode: 2, words: [/missing required argument/] });
});

test('diff and compare fit into narrow terminals; a long patch goes through the pager', async ({
  project,
}) => {
  const tmux = await openTerminal(project, { GIT_PAGER: 'sed s/^/paged:/' });
  try {
    tmux.resize(40, 40);
    for (const command of ['dstack diff calm-fox brave-otter', 'dstack compare calm-fox brave-otter']) {
      const lines = await shown(tmux, command);
      assert.ok(
        lines.some((line) => /^(\S+ +loss|RUN)/.test(line) || / loss /.test(line)),
        lines.join('\n'),
      );
    }
    tmux.resize(80, 40);
    const parallel = await shown(tmux, 'dstack compare wide-owl --parallel');
    assert.ok(
      parallel.some((line) => /lr +loss +acc/.test(line)),
      parallel.join('\n'),
    );
    assert.match(parallel.join('\n'), /[\u2800-\u28ff].*\n━━ {2}sweep-1 /s);
    const patch = await shown(tmux, 'dstack diff calm-fox brave-otter -p -- train.sh');
    assert.ok(patch.includes('paged:+# faster'), patch.join('\n'));
  } finally {
    tmux.close();
  }
});

test.run();
