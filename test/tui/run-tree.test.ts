import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { type RunTreeOptions, runTree } from '../../src/tui/run-tree.ts';
import { ago, NOW, sampleJob, sampleRun } from './sample-state.ts';

const test = suite('run-tree');

const needs = (...jobs: string[]) => jobs.map((job) => ({ run: null, job }));
const submitted = { state: 'submitted', startedAt: null, finishedAt: null, runner: null } as const;
const run = sampleRun('calm-fox', [
  sampleJob({ name: 'prep', state: 'done', startedAt: ago(60), finishedAt: ago(20), reason: null }),
  sampleJob({
    name: 'train-1',
    state: 'running',
    dependsOn: needs('prep'),
    startedAt: ago(18),
    finishedAt: null,
    runner: 'gpu-1',
    attempt: 2,
    reason: null,
  }),
  sampleJob({
    name: 'train-2',
    ...submitted,
    dependsOn: needs('prep'),
    reason: 'waits for a runner: all 2 that it fits are busy',
    submittedAt: ago(90),
  }),
  sampleJob({
    name: 'report',
    ...submitted,
    dependsOn: needs('train-1', 'train-2'),
    reason: 'waits for train-1, train-2',
    submittedAt: ago(90),
  }),
]);

const options: RunTreeOptions = {
  now: NOW,
  width: 90,
  height: 12,
  cells: new Map([['train-1', 'seed=1']]),
  progress: new Map([['train-1', ' 40%|####      |']]),
  colour: false,
  glyphs: unicodeGlyphs,
};

test('each job below what it waits for, with its state, how far it is, or why not', () => {
  assert.equal(runTree(run, options).slice(1), [
    'prep              ✔ done 40s',
    '├ train-1 seed=1  ● running 18s   40%|####      |  on gpu-1  attempt 2',
    '└ train-2         ○ submitted  waits for a runner: all 2 that it fits are busy (1m30s)',
    '  └ report        ○ submitted  waits for train-1, train-2',
  ]);
  assert.match(runTree(run, options)[0] ?? '', /^calm-fox · \w+ .* · 1 of 4 jobs have ended$/);
  assert.match(runTree(run, { ...options, width: 36 })[0] ?? '', /^calm-fox · \w+ .* · 1 of 4$/);
});

test('no line is wider than there is room, at any width, with ASCII and with colours', () => {
  for (const width of [10, 20, 40, 80, 200]) {
    for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
      for (const colour of [false, true]) {
        const lines = runTree(run, { ...options, width, glyphs, colour });
        assert.is(lines.length, 5);
        for (const line of lines) assert.ok(stringWidth(line) <= width, `${width}: ${line}`);
        assert.is(
          lines.some((line) => line.includes('\x1b[')),
          colour,
        );
      }
    }
  }
  assert.match(runTree(run, { ...options, glyphs: asciiGlyphs }).join('\n'), /^[\x20-\x7e\n]*$/);
});

test('of more jobs than there is room for: what runs or has failed, then a count of the rest', () => {
  const many = Array.from({ length: 100 }, (_, index) =>
    sampleJob({
      name: `cell-${index}`,
      state: index < 60 ? (index === 7 ? 'failed' : 'done') : index < 63 ? 'running' : 'submitted',
      startedAt: index < 63 ? ago(30) : null,
      finishedAt: index < 60 ? ago(10) : null,
      reason: index === 7 ? 'exit code 1' : null,
    }),
  );
  const lines = runTree(sampleRun('big', many), { ...options, height: 8 });
  assert.is(lines.length, 8);
  assert.match(lines[1] ?? '', /^cell-7 +✖ failed 20s {2}exit code 1$/);
  assert.match(lines[2] ?? '', /^cell-60 +● running/);
  assert.match(lines.at(-1) ?? '', /^… and 94 more: 59 done, 35 submitted$/);
  assert.is(runTree(run, { ...options, height: 1 }).length, 1);
});

test('hostile names are neutralised', () => {
  const evil = 'a\n\x1b[2J';
  const lines = runTree(sampleRun(evil, [sampleJob({ name: evil, state: 'failed', reason: evil })]), options);
  assert.not.match(lines.join(''), /[\x1b\n]/);
});

test.run();
