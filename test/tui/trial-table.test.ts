import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { columnsOf } from '../../src/ledger/trial-columns.ts';
import type { Trial } from '../../src/ledger/trials.ts';
import { trialTable } from '../../src/tui/trial-table.ts';
import { ago, NOW } from './sample-state.ts';

const trial = (run: string, job: string, changes: Partial<Trial> = {}): Trial => ({
  ...{ run, job, workflow: job.replace(/-\d$/, ''), state: 'done', runner: null, variables: {}, metrics: {} },
  ...{ startedAt: ago(100), finishedAt: ago(40) },
  ...changes,
});
const sweep = [1, 2, 3].map((n) =>
  trial('brave-otter-7k2m', `train-${n}`, {
    variables: { 'matrix.lr': String(n / 10) },
    metrics: { step: 100 * n, loss: 1 / n, accuracy: 0.123456789 * n },
  }),
);
const table = (trials: readonly Trial[], options: Partial<Parameters<typeof trialTable>[2]> = {}) =>
  trialTable(trials, columnsOf(trials, { goals: new Map() }), { now: NOW, ...options });

test('the cells of a sweep beside each other, the best values marked', () => {
  assert.is(
    table(sweep),
    `JOB      TIME   lr   step  loss       accuracy
train-1  1m00s  0.1  100   1          0.12346
train-2  1m00s  0.2  200   0.5        0.24691
train-3  1m00s  0.3  300   0.33333 *  0.37037 *
`,
  );
  assert.match(table(sweep, { colour: true }), /\x1b\[32m0\.33333 \*/);
});

test('they are called by what tells them apart, and say how they ended if not all are done', () => {
  const two = [trial('a', 'train', { metrics: { loss: 1 } }), trial('b', 'train', { state: 'failed' })];
  assert.match(table(two), /^RUN {2}STATE {3}TIME {3}loss\na {4}done {4}1m00s {2}1\nb {4}failed {2}1m00s\n$/);
  assert.match(
    table([trial('a', 'x'), trial('a', 'y'), trial('b', 'x')]),
    /^JOB .*\na\/x .*\na\/y .*\nb\/x /,
  );
  const running = trial('a', 'train', { state: 'running', finishedAt: null });
  assert.match(table([running]), /^JOB .*\na\/train {2}running {2}1m40s/);
});

for (const width of [20, 40, 80, 200]) {
  test(`fits into ${width} columns, and says what had no room`, () => {
    let leftOut: readonly string[] = [];
    const onLeftOut = (titles: readonly string[]) => {
      leftOut = titles;
    };
    const text = table(sweep, { width, onLeftOut });
    for (const line of text.split('\n')) assert.ok(stringWidth(line) <= width, line);
    assert.equal([...leftOut].includes('TIME'), width < 50);
    assert.match(text, 'accuracy');
  });
}

test('foreign text can neither break a line nor steer the terminal', () => {
  const evil = 'a\nb\x1b[2J\u202ec';
  const trials = ['1', '2'].map((n) =>
    trial(`${n}${evil}`, evil, { variables: { [evil]: n + evil }, metrics: { [`m${evil}`]: n + evil } }),
  );
  const text = table(trials);
  assert.not.match(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  assert.is(text.split('\n').length, 4);
});

test.run();
