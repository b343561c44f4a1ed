import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunView } from '../../src/ledger/state.ts';
import { asciiGlyphs } from '../../src/tui/glyphs.ts';
import { type PlannedJob, planTree } from '../../src/tui/plan-tree.ts';
import { runSummary } from '../../src/tui/summary.ts';
import { ago, NOW, sampleJob, sampleRun, sampleState } from './sample-state.ts';

const test = suite('summary');

function sample(index: number): RunView {
  const run = sampleState.runs[index];
  if (run === undefined) throw new Error('no such sample');
  return run;
}

test('an unhappy run: the reason first, then the jobs, then what to do', () => {
  const lines = runSummary(sample(1), { now: NOW }).split('\n');
  assert.match(lines[0] ?? '', /^train: exit code 1 in command 2/);
  assert.is(lines[1], 'calm-fox-1a2b  ✖ failed  3m20s');
  assert.match(lines[2] ?? '', /^ {2}✔ preprocess {2}done +12s {2}3 files, 1\.5MB$/);
  assert.match(lines[3] ?? '', /^ {2}✖ train {7}failed +3m08s {2}1 file, 900B$/);
  assert.match(lines[4] ?? '', /^ {2}↷ report +skipped +- {2}train failed$/);
  assert.match(lines[5] ?? '', /dstack artifacts download calm-fox-1a2b +# get what was kept/);
  assert.match(lines[6] ?? '', /dstack logs calm-fox-1a2b\/train +# /);
  assert.match(lines[7] ?? '', /dstack rerun calm-fox-1a2b +# try it again/);
  assert.is(lines[8], '');
});

test('a happy run: artifacts with sizes, the long list cut', () => {
  const job = sampleJob({
    name: 'train',
    state: 'done',
    startedAt: ago(60),
    finishedAt: ago(20),
    artifacts: { files: 24, bytes: 4096 },
    commit: 'c',
  });
  const run = sampleRun('glad-ape-1111', [job], { finishedAt: ago(20) });
  const artifacts = Array.from({ length: 12 }, (_, index) => ({
    job: 'train',
    path: `out/${index}`,
    files: 2,
    bytes: 2048,
  }));
  const text = runSummary(run, { now: NOW, artifacts });
  assert.match(text, /^glad-ape-1111 {2}✔ done {2}40s\n/);
  assert.match(text, /Artifacts:\n {2}out\/0 {2}2 files, 2KB\n/);
  assert.match(text, /out\/7 .*\n {2}and 4 more\n/);
  assert.match(
    text,
    /dstack artifacts download glad-ape-1111 +# get the results\n.*dstack logs glad-ape-1111\/train/,
  );
});

test('a cached run says from where; one in progress how to go on', () => {
  assert.match(
    runSummary(sample(2), { now: NOW }),
    /≡ preprocess {2}cached +- {2}from old-cat-0000\/preprocess/,
  );
  assert.match(runSummary(sample(0), { now: NOW }), /dstack logs brave-otter-7k2m -f/);
});

test('at 40 columns details go below, and commands stand alone', () => {
  const job = sampleJob({
    name: 'train',
    state: 'done',
    startedAt: ago(60),
    finishedAt: ago(20),
    artifacts: { files: 24, bytes: 4096 },
    metrics: { step: 10, loss: 0.25 },
    commit: 'c',
  });
  const run = sampleRun('glad-ape-1111', [job], { finishedAt: ago(20) });
  assert.equal(runSummary(run, { now: NOW, width: 40 }).split('\n'), [
    'glad-ape-1111  ✔ done  40s',
    '  ✔ train  done          40s',
    '    24 files, 4KB  step 10  loss 0.25',
    '  dstack artifacts download glad-ape-1111',
    '  dstack metrics glad-ape-1111',
    '  dstack logs glad-ape-1111/train',
    '',
  ]);
  assert.match(
    runSummary(run, { now: NOW, width: 100 }),
    /40s {2}24 files, 4KB {2}step 10[\s\S]*dstack metrics glad-ape-1111 +# see what it measured/,
  );
});

test('ASCII, colours and hostile text', () => {
  assert.match(runSummary(sample(1), { now: NOW, glyphs: asciiGlyphs }), /^[\x20-\x7e\n]*$/);
  assert.match(runSummary(sample(1), { now: NOW, colour: true }), /\x1b\[31m✖ failed/);
  const evil = 'a\n\x1b[2J';
  const run = sampleRun(evil, [sampleJob({ name: evil, state: 'failed', reason: evil })]);
  const artifacts = [{ job: evil, path: evil, files: 1, bytes: 1 }];
  assert.not.match(runSummary(run, { now: NOW, artifacts }), /\x1b/);
  assert.is(runSummary(run, { now: NOW, artifacts }).split('\n').length, 7);
});

const planned = (name: string, ...needs: (string | [string, string])[]): PlannedJob => ({
  name,
  image: 'img',
  dependsOn: needs.map((need) =>
    typeof need === 'string' ? { run: null, job: need } : { run: need[0], job: need[1] },
  ),
});

test('the plan: each job once, below what it waits for', () => {
  const jobs = [
    planned('download'),
    planned('preprocess', 'download'),
    { ...planned('train-1', 'preprocess'), variables: { rows: '7', 'matrix.seed': '1', 'matrix.lr': '0.1' } },
    planned('train-2', 'preprocess', ['old-cat-0000', 'train']),
    planned('report', 'download', 'train-1', 'train-2'),
    { ...planned('alone'), image: null },
  ];
  assert.is(
    planTree(jobs),
    [
      'download  img',
      '└ preprocess  img',
      '  ├ train-1  seed=1 lr=0.1  img',
      '  └ train-2  img  after old-cat-0000/train',
      '    └ report  img  after download, train-1',
      'alone  process',
      '',
    ].join('\n'),
  );
});

test('the plan is a tree even if its order is wrong, and neutralises names', () => {
  assert.is(planTree([planned('a', 'b'), planned('b', 'a')]), 'a  img  after b\n└ b  img\n');
  assert.is(planTree([planned('a\x1b[2J')]), 'a\\x1b[2J  img\n');
});

test.run();
