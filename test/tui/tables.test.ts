import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fit, truncate } from '../../src/tui/fit-text.ts';
import { runnerCondition, runnerTable } from '../../src/tui/runner-table.ts';
import { selectRuns } from '../../src/tui/select-runs.ts';
import { runTable, statusTable } from '../../src/tui/status-table.ts';
import { ago, manyRuns, NOW, sampleJob, sampleRun, sampleRunner, sampleState } from './sample-state.ts';

const test = suite('tables');

test('runs, newest first, aligned, uncut and without colours', () => {
  const lines = statusTable(sampleState, { now: NOW }).split('\n');
  assert.match(
    lines[0] ?? '',
    /^RUN {15}WORKFLOW {4}STATE {4}DURATION {2}AGE {5}JOBS {2}BY {12}VARIABLES +REASON$/,
  );
  assert.match(
    lines[1] ?? '',
    /^brave-otter-7k2m {2}train {7}running {2}4m40s {5}5m ago {2}1\/3 {3}Ada Lovelace {2}learning_rate=0\.01 note="second try"$/,
  );
  assert.match(
    lines[2] ?? '',
    /^calm-fox-1a2b .* train: exit code 1 in command 2: python train\.py .*part-0001\.parquet$/,
  );
  assert.match(lines[3] ?? '', /^dull-owl-9x8y +preprocess {2}cached {3}- /);
  assert.is(lines.length, 5);
});

test('colours only when asked', () => {
  assert.not.match(statusTable(sampleState, { now: NOW }), /\x1b/);
  assert.match(statusTable(sampleState, { now: NOW, colour: true }), /\x1b\[31mfailed/);
});

test('without runs or runners it says what to do', () => {
  assert.match(statusTable({ runs: [], runners: [], archived: 0 }, { now: NOW }), /dstack run WORKFLOW\n$/);
  assert.match(runnerTable([], NOW), /dstack runner start\n$/);
});

test('runs of several repositories say which, by as much of the address as tells them apart', () => {
  const shown = (...repositories: string[]) => {
    const runs = repositories.map((repository, index) => ({ ...sampleRun(`run-${index}`, []), repository }));
    return statusTable({ runs, runners: [], archived: 0 }, { now: NOW });
  };
  assert.match(
    shown('git@host:shared-1.git', '/srv/shared-2.git/'),
    /REPOSITORY\n.* shared-1\n.* shared-2\n/,
  );
  assert.match(shown('one:x.git', 'two:x.git'), / one:x\.git\n.* two:x\.git\n/);
});

test('by default the newest 20 and every older one that is unfinished; exactly the limit; or all', () => {
  const { runs } = manyRuns(50);
  const live = sampleRun('old-but-live', [sampleJob({ name: 'train', state: 'running' })]);
  const state = { runs: [...runs, live], runners: [], archived: 0 };
  assert.is(selectRuns(state, {}).runs.length, 21);
  assert.is(selectRuns(state, {}).runs.at(-1)?.name, 'old-but-live');
  assert.is(selectRuns(state, {}).hidden, 30);
  assert.is(selectRuns(state, { limit: 5 }).runs.length, 5);
  assert.is(selectRuns(state, { all: true, limit: 5 }).hidden, 0);
  assert.is(statusTable(state, { now: NOW, limit: 3 }).split('\n').length, 5);
});

for (const width of [20, 40, 60, 80, 120]) {
  test(`fits into ${width} columns`, () => {
    const state = { ...sampleState, runs: [...sampleState.runs, sampleRun('宽'.repeat(20), [])] };
    const tables = [
      statusTable(state, { now: NOW, width }),
      ...state.runs.map((run) => runTable(run, { now: NOW, width })),
      runnerTable(sampleState.runners, NOW, { width }),
    ];
    for (const line of tables.join('').split('\n')) assert.ok(stringWidth(line) <= width, line);
  });
}

test('what matters less goes first when it is narrow', () => {
  const [header] = statusTable(sampleState, { now: NOW, width: 80 }).split('\n');
  assert.match(header ?? '', /REASON/);
  assert.not.match(header ?? '', /BY/);
});

test('one run: what it is, and its jobs in order', () => {
  const [, failed] = sampleState.runs;
  if (failed === undefined) throw new Error('no sample');
  const text = runTable(failed, { now: NOW });
  assert.match(text, /^Run: {7}calm-fox-1a2b\n/);
  assert.match(text, /State: {5}failed\n/);
  assert.match(
    text,
    /preprocess +done +12s +gpu-1 +1 +3 \(1\.5MB\)\ntrain +failed +3m08s +gpu-2 .*exit code 1.*\nreport +skipped +-.*train failed\n$/,
  );
});

test('cells of a matrix have their values, also where it is narrow', () => {
  const run = sampleRun('x', [
    sampleJob({ name: 'train-1', state: 'done' }),
    sampleJob({ name: 'report', state: 'done' }),
  ]);
  const cells = new Map([['train-1', { seed: '1', note: 'a b\x1b[2J' }]]);
  const text = runTable(run, { now: NOW, cells });
  assert.match(text, /^JOB +MATRIX +STATE/m);
  assert.match(text, /^train-1 +seed=1 note="a b/m);
  assert.not.match(text, /\x1b/);
  assert.not.match(runTable(run, { now: NOW }), /MATRIX/);
  for (const width of [40, 60, 80]) {
    const lines = runTable(run, { now: NOW, cells, width }).split('\n');
    for (const line of lines) assert.ok(stringWidth(line) <= width, line);
  }
});

test('what is saved of a job that runs is shown, and since when; at its end what it left', () => {
  const saved = { files: 2, bytes: 2048, at: ago(130) };
  const job = sampleJob({ name: 'train', state: 'running', saved });
  const shown = (more: Partial<typeof job>) => runTable(sampleRun('x', [{ ...job, ...more }]), { now: NOW });
  assert.match(shown({}), / 2 \(2KB, saved 2m ago\)/);
  assert.match(shown({ state: 'submitted', saved: { ...saved, at: null } }), / 2 \(2KB\)/);
  assert.match(shown({ state: 'done', artifacts: { files: 3, bytes: 4096 } }), / 3 \(4KB\)/);
});

test('an interruptible runner says so', () => {
  const runner = sampleRunner('spot', { interruptible: true });
  assert.match(runnerTable([runner], NOW), /\nspot +alive +spot\.lab +docker, interruptible +0\/2 /);
});

test('a job that was asked to stop says so', () => {
  const run = sampleRun('x', [sampleJob({ name: 'train', state: 'running', stopping: true })]);
  assert.match(runTable(run, { now: NOW }), /running, stopping/);
});

test('foreign text cannot break a line or steer the terminal', () => {
  const evil = 'a\nb\x1b[2J\u202ec\x07';
  const job = sampleJob({ name: evil, state: 'failed', reason: evil, runner: evil });
  const run = sampleRun(evil, [job], {
    workflow: evil,
    submittedBy: evil,
    variables: { [evil]: evil },
    reason: evil,
  });
  const runner = sampleRunner(evil, {
    host: evil,
    labels: { [evil]: evil },
    jobs: [evil],
    version: evil,
    executor: evil,
    waiting: evil,
  });
  for (const text of [
    statusTable({ runs: [run], runners: [], archived: 0 }, { now: NOW }),
    runTable(run, { now: NOW }),
    runnerTable([runner], NOW),
  ]) {
    assert.not.match(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    assert.match(text, /a\\x0ab/);
  }
  assert.is(statusTable({ runs: [run], runners: [], archived: 0 }, { now: NOW }).split('\n').length, 3);
});

test('a runner is late after three heartbeats, whatever else it is', () => {
  const at = (seconds: number, draining = false) =>
    runnerCondition(sampleRunner('r', { seenAt: ago(seconds), heartbeat: 20, draining }), NOW);
  assert.is(at(60), 'alive');
  assert.is(at(61), 'late');
  assert.is(at(10, true), 'draining');
  assert.is(at(100, true), 'late');
  assert.is(at(-500), 'alive', 'its clock is ahead');
  assert.is(runnerCondition(sampleRunner('r', { seenAt: 'nonsense' }), NOW), 'late');
  assert.match(
    runnerTable(sampleState.runners, NOW),
    /\ngpu-1 +alive +gpu-1\.lab +docker +1\/2 +0\/8 +0B\/64GB +5s ago +0\.1\.0 +gpu=a100 +brave-otter-7k2m\/train-1\ngpu-2 +late /,
  );
});

test('what a runner waits for is its last column; of one that is late it is known only for how long it is', () => {
  const waiting = 'work: the queue is empty';
  const table = runnerTable(
    [sampleRunner('a', { waiting }), sampleRunner('b', { waiting, seenAt: ago(185) })],
    NOW,
  );
  assert.match(
    table,
    / WAITS FOR\na .* work: the queue is empty\nb +late .* word from it: silent for 3m05s\n$/,
  );
});

test('text is cut by columns, not by characters, and never inside one', () => {
  for (const text of [
    'abcdefgh',
    '日本語日本語',
    'a日b本c語',
    '👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦',
    'e\u0301e\u0301e\u0301e\u0301',
  ]) {
    for (let width = 0; width <= 14; width++) {
      assert.is(stringWidth(fit(text, width)), width);
      const cut = truncate(text, width);
      if (stringWidth(text) <= width) assert.is(cut, text);
      else if (width > 0) assert.ok(cut.endsWith('…') && text.startsWith(cut.slice(0, -1)), cut);
    }
  }
});

test.run();
