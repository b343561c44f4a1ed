import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobPair } from '../../src/ledger/diff-runs.ts';
import type { Difference } from '../../src/ledger/differences.ts';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { codeTitle, inputsText, outcomesText } from '../../src/tui/run-differences-text.ts';
import { ago, NOW, sampleJob } from './sample-state.ts';

const options = {
  ...{ before: 'calm-fox', after: 'brave-otter', now: NOW, colour: false, glyphs: unicodeGlyphs },
};
const seed: Difference = { kind: 'variable', name: 'seed', before: '1', after: '2' };
const image: Difference = { kind: 'image', before: 'python:3.11', after: null };
const done = (name: string, seconds: number, metrics: Record<string, number> | null = null) =>
  sampleJob({ name, state: 'done', startedAt: ago(1000), finishedAt: ago(1000 - seconds), metrics });
const pair = (name: string, differences: readonly Difference[], changes: Partial<JobPair> = {}): JobPair => ({
  ...{ name, differences, before: done(name, 60), after: done(name, 60) },
  ...changes,
});

test('what is the same for several jobs is told once', () => {
  assert.is(
    inputsText([pair('clean', [seed]), pair('train', [seed, image]), pair('test', [])], options),
    `Inputs
  clean, train:
    variable seed: 1 → 2
  train:
    image: python:3.11 → none
`,
  );
  assert.match(inputsText([pair('a', [seed]), pair('b', [seed])], options), /\n {2}all jobs:\n/);
  const many = Array.from({ length: 9 }, (_, index) => pair(`cell-${index}`, index === 0 ? [] : [seed]));
  assert.match(inputsText(many, options), /\n {2}cell-1, cell-2, cell-3, 5 more:\n/);
  assert.is(inputsText([pair('a', [])], options), 'Inputs: the same\n');
  assert.match(inputsText([pair('a', [seed])], { ...options, glyphs: asciiGlyphs }), / 1 -> 2\n/);
});

test('what came of them, the two beside each other, and by how much it has changed', () => {
  const jobs = [
    pair('train', [], {
      before: done('train', 184, { loss: 0.4, acc: 0.5, same: 1 }),
      after: done('train', 130, { loss: 0.3, acc: 0.55, same: 1, 'val.loss': 2 }),
    }),
    pair('clean', []),
    pair('report', [], { after: null }),
  ];
  assert.is(
    outcomesText(jobs, options),
    `Outcomes
JOB     WHAT      calm-fox  brave-otter  CHANGE
train   time      3m04s     2m10s        -54s
        loss      0.4       0.3          -0.1 (-25%)
        acc       0.5       0.55         +0.05 (+10%)
        val.loss  -         2
report  state     done      no such job
`,
  );
  assert.is(outcomesText([pair('clean', [])], options), 'Outcomes: the same\n');
});

test('a job that was cached, failed, or is elsewhere says so', () => {
  const cached = sampleJob({ name: 'a', state: 'cached', cachedFrom: { run: 'x', job: 'a' } });
  const failed = sampleJob({
    name: 'a',
    state: 'failed',
    reason: 'exit code 1',
    runner: 'gpu-2',
    attempt: 3,
  });
  const text = outcomesText([pair('a', [], { before: cached, after: failed })], options);
  for (const words of [
    /state +cached +failed/,
    /reason +- +exit code 1/,
    /runner +- +gpu-2/,
    /attempts +- +3/,
  ])
    assert.match(text, words);
});

for (const width of [40, 80]) {
  test(`fits into ${width} columns`, () => {
    const long = 'an-extraordinarily-long-name-of-a-metric.on.the.test.set';
    const after = done('train', 60, { [long]: 0.123456789, loss: 1 });
    const before = done('train', 90, { [long]: 0.987654321, loss: 2 });
    const text = outcomesText([pair('train', [], { before, after })], { ...options, width });
    for (const line of text.split('\n')) assert.ok(stringWidth(line) <= width, line);
  });
}

test('the code: the same, or other, on top of another commit', () => {
  const files = [{ path: 'a', change: 'changed' as const }];
  const bases = { before: '1'.repeat(40), after: '2'.repeat(40) };
  assert.is(
    codeTitle({ files: [], bases: { before: null, after: null }, jobs: [] }, options),
    'Code: the same\n',
  );
  assert.is(codeTitle({ files, bases, jobs: [] }, options), 'Code (on top of 11111111 → 22222222)\n');
});

test('foreign text can neither break a line nor steer the terminal', () => {
  const evil = 'a\nb\x1b[2J\u202ec';
  const job = pair(evil, [{ kind: 'variable', name: evil, before: evil, after: null }], {
    before: sampleJob({ name: evil, state: 'failed', reason: evil, runner: evil, metrics: { [evil]: evil } }),
  });
  for (const text of [inputsText([job], options), outcomesText([job], options)])
    assert.not.match(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
});

test.run();
