import { cleanup, render } from 'ink-testing-library';
import { createElement } from 'react';
import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LedgerState } from '../../src/ledger/state.ts';
import { asciiGlyphs, type Glyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import type { Reading } from '../../src/tui/status-screen.tsx';
import { StatusScreen } from '../../src/tui/status-view.tsx';
import { manyRuns, NOW, sampleJob, sampleRun, sampleState } from './sample-state.ts';

const KEYS = {
  up: '\x1b[A',
  down: '\x1b[B',
  pageDown: '\x1b[6~',
  enter: '\r',
  escape: '\x1b',
  backspace: '\x7f',
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function settled(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

async function show(
  first: Reading | LedgerState,
  size: { columns: number; rows: number },
  glyphs: Glyphs = unicodeGlyphs,
) {
  let tell: (reading: Reading) => void = () => {};
  let subscribed = 0;
  const calls: unknown[] = [];
  let refusal: Error | null = null;
  const reading = 'runs' in first ? { state: first, error: null, readAt: NOW } : first;
  const app = render(
    createElement(StatusScreen, {
      source: {
        subscribe(listener) {
          subscribed += 1;
          tell = listener;
          listener(reading);
          return () => {
            subscribed -= 1;
          };
        },
      },
      actions: {
        stop: async (run, job) => {
          calls.push(['stop', run, job]);
          if (refusal !== null) throw refusal;
          return 'it stops';
        },
        logs: (run, job) => calls.push(['logs', run, job]),
      },
      colour: false,
      glyphs,
      clock: () => NOW,
    }),
  );
  Object.defineProperties(app.stdout, { columns: { value: size.columns }, rows: { value: size.rows } });
  app.stdout.emit('resize');
  await settled();
  const lines = () => (app.lastFrame() ?? '').split('\n');
  return {
    calls,
    lines,
    pointed: () =>
      lines()
        .filter((line) => /^[❯>]/.test(line))
        .join('\n'),
    bottom: () => lines().at(-2),
    async press(...keys: string[]) {
      for (const key of keys) {
        app.stdin.write(key);
        await settled();
      }
    },
    async tell(next: Reading) {
      tell(next);
      await settled();
    },
    refuse(reason: Error) {
      refusal = reason;
    },
    subscribed: () => subscribed,
    close: () => app.unmount(),
  };
}

const test = suite('status-view');
// A failed test too must not leave a ticking screen.
test.after.each(cleanup);

const normal = { columns: 80, rows: 24 };

for (const [columns, rows] of [
  [80, 24],
  [200, 50],
  [40, 24],
  [60, 10],
  [99, 30],
  [100, 30],
  [20, 6],
] as const) {
  test(`every line fits into ${columns}×${rows}`, async () => {
    const wide = sampleRun('wide', [
      sampleJob({
        name: '日本語のとても長い名前のジョブ-日本語のとても長い名前のジョブ',
        state: 'running',
        reason: '理由'.repeat(90),
      }),
    ]);
    const screen = await show(
      { runs: [wide, ...sampleState.runs], runners: [], archived: 0 },
      { columns, rows },
    );
    const lines = screen.lines();
    assert.is(lines.length, rows - 1);
    for (const line of lines) assert.ok(stringWidth(line) <= columns, `too wide: ${line}`);
    assert.match(screen.pointed(), /wide/);
    if (columns >= 40) assert.ok(lines.some((line) => line.includes('…')));
    screen.close();
  });
}

test('a run in progress is open, its jobs in dependency order, a finished one is folded', async () => {
  const screen = await show(sampleState, normal);
  assert.equal(
    screen
      .lines()
      .slice(2, 8)
      .map((line) => line.slice(0, 45).trimEnd()),
    [
      '❯ ▾ brave-otter-7k2m         ● running   4m40s',
      '    ├ preprocess             ✔ done      12s',
      '    ├ train-1                ● running   3m04s',
      '    └ train-2                ○ submitted',
      '  ▸ calm-fox-1a2b            ✖ failed    3m20s',
      '  ▸ dull-owl-9x8y            ≡ cached',
    ].map((line) => line.slice(0, 45).trimEnd()),
  );
  screen.close();
});

test('draws ASCII alone where the locale has nothing else', async () => {
  const screen = await show(sampleState, normal, asciiGlyphs);
  await screen.press('?');
  await screen.press('?');
  assert.match(screen.lines().join('\n'), /^[\x20-\x7e\n]*$/);
  assert.match(screen.pointed(), /^> - brave-otter-7k2m/);
  screen.close();
});

test('moves with arrows and with j and k, and stops at both ends', async () => {
  const screen = await show(sampleState, normal);
  await screen.press(KEYS.up);
  assert.match(screen.pointed(), /brave-otter/);
  await screen.press(KEYS.down, 'j');
  assert.match(screen.pointed(), /train-1/);
  await screen.press('k');
  assert.match(screen.pointed(), /preprocess/);
  await screen.press('jjjjjjjjjj');
  assert.match(screen.pointed(), /dull-owl/);
  await screen.press('g');
  assert.match(screen.pointed(), /brave-otter/);
  screen.close();
});

test('enter and space fold and unfold; on a job they fold its run', async () => {
  const screen = await show(sampleState, normal);
  await screen.press('j', 'j', KEYS.enter);
  assert.match(screen.pointed(), /▸ brave-otter/);
  assert.not.match(screen.lines().join('\n'), /train-1/);
  await screen.press('j', ' ');
  assert.match(screen.lines().join('\n'), /└ report +↷ skipped/);
  screen.close();
});

test('10,000 runs: only what is in view is drawn, and the cursor stays in view', async () => {
  const screen = await show(manyRuns(10_000), normal);
  assert.is(screen.lines().filter((line) => line.includes('run-')).length, 19);
  await screen.press('G');
  assert.match(screen.pointed(), /run-09999/);
  assert.match(screen.lines()[2] ?? '', /run-09981/);
  await screen.press('k');
  assert.match(screen.pointed(), /run-09998/);
  assert.match(screen.lines()[2] ?? '', /run-09981/);
  await screen.press('g', KEYS.pageDown);
  assert.match(screen.pointed(), /run-00019/);
  await screen.press('/', 'run-07777');
  assert.match(screen.pointed(), /run-07777/);
  assert.is(screen.lines().filter((line) => /^. [▸▾]/.test(line)).length, 1);
  screen.close();
});

test('typing after / filters, backspace and escape take it back, enter keeps it', async () => {
  const screen = await show(sampleState, normal);
  await screen.press('/fixx', KEYS.backspace, KEYS.backspace, KEYS.backspace, 'ox');
  assert.match(screen.lines()[0] ?? '', /\/fox_/);
  assert.match(screen.pointed(), /calm-fox/);
  await screen.press(KEYS.enter, KEYS.enter);
  assert.match(screen.lines()[3] ?? '', /├ preprocess/, 'after enter, keys are keys again');
  assert.match(screen.lines()[0] ?? '', /\/fox \(1\)/);
  await screen.press(KEYS.escape);
  assert.match(screen.lines().join('\n'), /dull-owl/);
  await screen.press('/', 'nothing has this');
  assert.match(screen.lines().join('\n'), /Nothing matches/);
  await screen.press(KEYS.escape, '/', 'LEARNING_rate=0.01 train-2');
  assert.match(screen.pointed(), /brave-otter/, 'variables and jobs count, capitals do not');
  screen.close();
});

test('s asks, y stops the job, and the answer is shown until the next key', async () => {
  const screen = await show(sampleState, normal);
  await screen.press('j', 'j', 's');
  assert.is(screen.bottom(), 'Stop brave-otter-7k2m/train-1? y/n');
  await screen.press('n');
  assert.equal(screen.calls, []);
  await screen.press('sy');
  assert.equal(screen.calls, [['stop', 'brave-otter-7k2m', 'train-1']]);
  assert.is(screen.bottom(), 'it stops');
  await screen.press('j');
  assert.match(screen.bottom() ?? '', /waits for a runner/);
  screen.close();
});

test('s on a run stops the run; on a finished one it says so; a refusal is shown', async () => {
  const screen = await show(sampleState, normal);
  screen.refuse(new Error('no contact\x1b[2J'));
  await screen.press('s', 'y');
  assert.equal(screen.calls, [['stop', 'brave-otter-7k2m', null]]);
  assert.is(screen.bottom(), 'no contact\\x1b[2J');
  await screen.press('G', 's');
  assert.is(screen.bottom(), 'dull-owl-9x8y has ended already (cached)');
  await screen.press('y');
  assert.is(screen.calls.length, 1);
  screen.close();
});

test('l leaves for the log of the job, or of all jobs of the run', async () => {
  const job = await show(sampleState, normal);
  await job.press('j', 'j', 'l');
  assert.equal(job.calls, [['logs', 'brave-otter-7k2m', 'train-1']]);
  assert.is(job.subscribed(), 0, 'leaving ends the subscription');
  const run = await show(sampleState, normal);
  await run.press('l');
  assert.equal(run.calls, [['logs', 'brave-otter-7k2m', null]]);
  const single = await show(sampleState, normal);
  await single.press('G', 'l');
  assert.equal(single.calls, [['logs', 'dull-owl-9x8y', 'preprocess']], 'a run of one job has one log');
});

test('q leaves; what is typed after it is not acted on', async () => {
  const screen = await show(sampleState, normal);
  await screen.press('qsyl');
  assert.is(screen.subscribed(), 0);
  assert.equal(screen.calls, []);
});

test('? explains the keys and the symbols, any key closes it', async () => {
  const screen = await show(sampleState, normal);
  await screen.press('?');
  assert.match(screen.lines().join('\n'), /fold or unfold/);
  assert.match(screen.lines().join('\n'), /⊘ aborted/);
  await screen.press('q');
  assert.match(screen.pointed(), /brave-otter/);
  assert.is(screen.subscribed(), 1);
  screen.close();
});

test('says how old it is when the source fails, and recovers', async () => {
  const screen = await show(sampleState, normal);
  await screen.tell({ state: sampleState, error: 'host unreachable\n\x1b]0;x\x07', readAt: NOW - 12_000 });
  assert.is(screen.lines()[1], 'connection lost 12s ago: host unreachable\\x0a\\x1b]0;x\\x07');
  assert.is(screen.lines().length, 23);
  assert.match(screen.lines().join('\n'), /train-1/, 'what is known stays');
  await screen.tell({ state: sampleState, error: null, readAt: NOW });
  assert.not.match(screen.lines().join('\n'), /connection lost/);
  screen.close();
});

test('before the first state, and without runs', async () => {
  const screen = await show({ state: null, error: null, readAt: 0 }, normal);
  assert.match(screen.lines().join('\n'), /Reading the repository/);
  await screen.tell({ state: null, error: 'no such repository', readAt: 0 });
  assert.match(screen.lines().join('\n'), /cannot read the repository: no such repository/);
  await screen.tell({ state: { runs: [], runners: [], archived: 0 }, error: null, readAt: NOW });
  assert.match(screen.lines().join('\n'), /No runs yet. Start one: dstack run WORKFLOW/);
  await screen.press('s', 'l', KEYS.enter, 'j');
  assert.equal(screen.calls, []);
  screen.close();
});

test('a new run does not move the cursor to another one; a finished run stays open', async () => {
  const screen = await show(sampleState, normal);
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

test('hostile names cannot reach the terminal', async () => {
  const evil = '\x1b[2J\u202e\u0007\nx';
  const job = sampleJob({ name: evil, state: 'failed', reason: evil, runner: evil, image: evil });
  const run = sampleRun(evil, [job], { workflow: evil, variables: { [evil]: evil }, submittedBy: evil });
  const screen = await show({ runs: [run], runners: [], archived: 0 }, { columns: 200, rows: 12 });
  await screen.press(KEYS.enter, 'j', 's');
  assert.is(screen.lines().length, 11);
  assert.not.match(screen.lines().join(''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  screen.close();
});

test.run();
