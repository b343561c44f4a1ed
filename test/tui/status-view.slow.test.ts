import { cleanup } from 'ink-testing-library';
import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { manyRuns, NOW, sampleJob, sampleRun, sampleState } from './sample-state.ts';
import { KEYS, normal, showStatus } from './screen-support.ts';

const test = suite('status-view');
// A failed test too must not leave a ticking screen.
test.after.each(cleanup);

for (const [columns, rows] of [
  [80, 24],
  [200, 50],
  [40, 24],
  [60, 10],
  [99, 30],
  [100, 36],
  [20, 6],
] as const) {
  for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
    test(`every line fits into ${columns}×${rows}${glyphs === asciiGlyphs ? ' in ASCII' : ''}`, async () => {
      const wide = sampleRun('wide', [
        sampleJob({
          name: '日本語のとても長い名前のジョブ-日本語のとても長い名前のジョブ',
          state: 'running',
          reason: '理由'.repeat(90),
        }),
      ]);
      const screen = await showStatus(
        { runs: [wide, ...sampleState.runs], runners: [], archived: 0 },
        { columns, rows, glyphs },
      );
      const fits = () => {
        const lines = screen.lines();
        assert.is(lines.length, rows - 1);
        for (const line of lines) assert.ok(stringWidth(line) <= columns, `too wide: ${line}`);
      };
      fits();
      assert.match(screen.pointed(), /wide/);
      if (columns >= 40) assert.ok(screen.text().includes(glyphs.ellipsis));
      await screen.press('j', 'o');
      fits();
      assert.match(screen.lines()[0] ?? '', /^wide/);
      await screen.press('q', '?');
      fits();
      screen.close();
    });
  }
}

test('a run in progress is open: jobs below what they wait for, with state, time, queue time and how it goes', async () => {
  const screen = await showStatus(sampleState);
  assert.equal(
    screen
      .lines()
      .slice(1, 8)
      .map((line) => line.trimEnd()),
    [
      '  RUN / JOB                 STATE       TIME   QUEUED',
      '❯ ▾ brave-otter-7k2m        ● running   4m40s  20s    1/3 · learning_rate=0.01 …',
      '      preprocess            ✔ done      12s    20s    on gpu-1',
      '      ├ train-1             ● running   3m04s  1m24s  seed=1 · step 45  loss 0.…',
      '      └ train-2             ○ submitted        4m28s  seed=2 · waits for a runn…',
      '  ▸ calm-fox-1a2b           ✖ failed    3m20s  10s    train: exit code 1 in com…',
      '  ▸ dull-owl-9x8y           ≡ cached                  from old-cat-0000/preproc…',
    ],
  );
  screen.close();
});

test('a wide one has runner, age and workflow, and what is known of the row under the cursor', async () => {
  const screen = await showStatus(sampleState, { columns: 200, rows: 50 });
  const line = (pattern: RegExp) => screen.lines().find((one) => pattern.test(one)) ?? '';
  assert.match(
    line(/├ train-1/),
    / gpu-1 +seed=1 · step 45 {2}loss 0.31 · 45%\|####5 +\| 45\/100 .*attempt 2/,
  );
  assert.match(line(/▾ brave-otter/), / 5m ago +train +1\/3 · learning_rate=0.01 note="second try"/);
  await screen.press('j', 'j');
  const text = screen.text();
  assert.match(text, /^brave-otter-7k2m\/train-1$/m);
  assert.match(text, /^Needs: +preprocess \(done\)$/m);
  assert.match(text, /^Cell: +seed=1 lr=0.1$/m, 'all of it, also what the cells have in common');
  assert.match(text, /^Runner: +gpu-1 \(attempt 2\)$/m);
  assert.match(text, /^Time: +3m04s, 1m24s in the queue$/m);
  screen.close();
});

test('a narrow one has name, state and time, and more lines for what there is of details', async () => {
  const screen = await showStatus(sampleState, { columns: 40, rows: 24 });
  assert.match(screen.text(), /^ {4}└ train-2 +○ submitted 4m28s$/m, 'that it waits is all that takes time');
  await screen.press('G', 'k');
  assert.match(
    screen.text(),
    /\ntrain: exit code 1 in command 2: python\ntrain.py --lr 0.01 --epochs 3000 --data\n[^\n]*…\nq quit/,
  );
  screen.close();
});

test('the end of the output says why a job failed', async () => {
  const screen = await showStatus(sampleState, { columns: 200, rows: 24 });
  await screen.press('G', 'k', 'o');
  await screen.press('q', KEYS.enter, 'j', 'j', KEYS.enter);
  assert.match(screen.text(), /^calm-fox-1a2b\/train\n/);
  assert.match(screen.text(), /part-0001.parquet: RuntimeError: CUDA out of memory\n/);
  assert.match(screen.text(), /\nOutput:\n {2}RuntimeError: CUDA out of memory\n/);
  screen.close();
});

test('draws ASCII alone where the locale has nothing else', async () => {
  const screen = await showStatus(sampleState, { ...normal, columns: 200, rows: 50, glyphs: asciiGlyphs });
  const isAscii = () => assert.match(screen.text(), /^[\x20-\x7e\n]*$/);
  isAscii();
  assert.match(screen.pointed(), /^> - brave-otter-7k2m/);
  for (const key of ['?', 'q', 'o', 'q', ' ', 's']) {
    await screen.press(key);
    isAscii();
  }
  screen.close();
});

test('10,000 runs: only what is in view is drawn, or read, and the cursor stays in view', async () => {
  const screen = await showStatus(manyRuns(10_000));
  assert.is(screen.lines().filter((line) => line.includes('run-')).length, 19);
  await screen.press('G');
  assert.match(screen.pointed(), /run-09999/);
  assert.match(screen.lines()[2] ?? '', /run-09981/);
  await screen.press('k');
  assert.match(screen.pointed(), /run-09998/);
  assert.match(screen.lines()[2] ?? '', /run-09981/);
  await screen.press('g', KEYS.pageDown);
  assert.match(screen.pointed(), /run-00019/);
  await screen.press('kkkkk', KEYS.enter);
  assert.equal(
    screen.view()?.runs.map((run) => run.name),
    ['run-00014'],
  );
  assert.is(screen.view()?.jobs.length, 2);
  await screen.press('/', 'run-07777');
  assert.match(screen.pointed(), /run-07777/);
  assert.is(screen.lines().filter((line) => /^. [▸▾]/.test(line)).length, 1);
  screen.close();
});

test('older runs are read when the end of those that there are comes near, and found by a filter', async () => {
  const state = (count: number, archived: number) => ({ ...manyRuns(count), archived });
  const screen = await showStatus(state(100, 900));
  assert.match(screen.lines()[0] ?? '', / 1000 runs/);
  assert.is(screen.older(), 0);
  await screen.press('G');
  assert.ok(screen.older() > 0);
  assert.match(screen.keys() ?? '', /900 older to read/);
  await screen.tell({ state: state(200, 800), error: null, readAt: NOW });
  assert.match(screen.pointed(), /run-00199/, 'the end is where the cursor stays');
  await screen.press('k');
  await screen.tell({ state: state(400, 600), error: null, readAt: NOW });
  assert.match(screen.pointed(), /run-00198/);
  const before = screen.older();
  await screen.press('g/nowhere');
  assert.ok(screen.older() > before);
  assert.match(screen.text(), /Looking through older runs/);
  await screen.tell({ state: state(1_000, 0), error: null, readAt: NOW });
  assert.match(screen.text(), /Nothing matches the filter/);
  screen.close();
});

test('says how old it is: always below, and with the reason when the source fails', async () => {
  const screen = await showStatus(sampleState);
  assert.match(screen.keys() ?? '', / as of now$/);
  await screen.tell({ state: sampleState, error: 'host unreachable\n\x1b]0;x\x07', readAt: NOW - 12_000 });
  assert.is(screen.lines()[1], 'connection lost 12s ago: host unreachable\\x0a\\x1b]0;x\\x07');
  assert.is(screen.lines().length, 23);
  assert.match(screen.keys() ?? '', / as of 12s ago$/);
  assert.match(screen.text(), /train-1/, 'what is known stays');
  await screen.press('o');
  assert.match(screen.lines()[0] ?? '', /connection lost 12s ago/, 'on every page');
  await screen.press('q');
  await screen.tell({ state: sampleState, error: null, readAt: NOW });
  assert.not.match(screen.text(), /connection lost/);
  await screen.tell({ state: sampleState, error: null, readAt: NOW - 90_000 });
  assert.is(screen.lines()[1], 'no answer since 1m ago', 'a host that says nothing at all');
  screen.close();
});

test('before the first state, and without runs', async () => {
  const screen = await showStatus({ state: null, error: null, readAt: 0 });
  assert.match(screen.text(), /Reading the repository/);
  await screen.tell({ state: null, error: 'no such repository', readAt: 0 });
  assert.match(screen.text(), /cannot read the repository: no such repository/);
  await screen.tell({ state: { runs: [], runners: [], archived: 0 }, error: null, readAt: NOW });
  assert.match(screen.text(), /No runs yet. Start one: dstack run WORKFLOW/);
  await screen.press('s', 'A', 'r', 't', 'o', 'd', ' ', 'l', KEYS.enter, 'j');
  assert.equal(screen.calls, []);
  screen.close();
});

test('a new run does not move the cursor to another one; a finished run stays open', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('j', 'j');
  const [running, ...others] = sampleState.runs;
  const done = sampleRun(
    'brave-otter-7k2m',
    (running?.jobs ?? []).map((job) => ({ ...job, state: 'done' as const })),
  );
  const fresh = sampleRun('eager-ant-5d5d', [sampleJob({ name: 'train', state: 'submitted' })]);
  await screen.tell({
    state: { runs: [fresh, done, ...others], runners: [], archived: 0 },
    error: null,
    readAt: NOW,
  });
  assert.match(screen.lines()[2] ?? '', /▾ eager-ant/);
  assert.match(screen.pointed(), /├ train-1 +✔ done/);
  screen.close();
});

test('tags stand first beside the runs that they keep', async () => {
  const [running, ...others] = sampleState.runs;
  const tagged = { ...running, tags: ['best', 'paper'] } as (typeof sampleState.runs)[number];
  const screen = await showStatus({ ...sampleState, runs: [...others, tagged] });
  await screen.press('/:paper');
  assert.match(screen.pointed(), /brave-otter-7k2m .* :best :paper · 1\/3/);
  screen.close();
});

test('hostile names, outputs and answers cannot reach the terminal', async () => {
  const evil = '\x1b[2J\u202e\u0007\nx';
  const job = sampleJob({ name: evil, state: 'failed', reason: evil, runner: evil, image: evil });
  const more = { workflow: evil, variables: { [evil]: evil }, submittedBy: evil, tags: [evil] };
  const run = sampleRun(evil, [job], more);
  const screen = await showStatus({ runs: [run], runners: [], archived: 0 }, { columns: 200, rows: 40 });
  screen.refuse(new Error(evil));
  for (const key of [KEYS.enter, 'j', 'o', 'r', 'y', 'q', 's', 't', evil, KEYS.enter, `/${evil}`]) {
    await screen.press(key);
    assert.is(screen.lines().length, 39);
    assert.not.match(screen.lines().join(''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  }
  screen.close();
});

test.run();
