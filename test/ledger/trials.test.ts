// What is compared, by what it is sorted and filtered, and what is the best of it: all by names.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { guessGoal } from '../../src/ledger/metric-goals.ts';
import { bestBy, columnsOf, columnValue, sortTrials } from '../../src/ledger/trial-columns.ts';
import { fulfils, parseCondition } from '../../src/ledger/trial-conditions.ts';
import { type Trial, trialNames, trialValue } from '../../src/ledger/trials.ts';

const trial = (run: string, variables: Trial['variables'], metrics: Trial['metrics'] = {}): Trial => ({
  ...{ run, job: 'train', workflow: 'train', state: 'done', runner: 'gpu-1', variables, metrics },
  ...{ startedAt: null, finishedAt: null },
});
const a = trial('a', { lr: '0.1', seed: '1', note: 'x' }, { step: 10, loss: 0.5, 'val.acc': 0.7 });
const b = trial('b', { lr: '0.02', seed: '1', note: 'y' }, { step: 10, loss: 0.3, 'val.acc': 0.6 });
const c = trial('c', { lr: '1', seed: '1', note: 'z' }, { step: 5, loss: 'NaN' });
const none = { goals: new Map<string, 'min' | 'max'>() };
const column = (name: string, trials = [a, b, c], options = none) => {
  const found = columnsOf(trials, options).find((one) => one.name === name);
  if (!found) throw new Error(`no column ${name}`);
  return found;
};
const runsOf = (trials: readonly Trial[]) => trials.map(({ run }) => run).join('');

test('columns: what differs, variables first, and last what has a goal', () => {
  assert.equal(
    columnsOf([a, b, c], none).map(({ name }) => name),
    ['lr', 'note', 'step', 'loss', 'val.acc'],
  );
  assert.equal(
    columnsOf([a, b, c], { ...none, all: true }).map(({ name }) => name),
    ['lr', 'seed', 'note', 'step', 'loss', 'val.acc'],
  );
  assert.is(columnsOf([a], none).length, 6, 'of one alone, all');
  assert.equal(columnsOf([a, a], none), []);
});

test('values of a matrix are compared with variables of their names', () => {
  const cell = trial('a', { 'matrix.lr': '3', 'matrix.seed': '2', seed: '1' });
  const plain = trial('b', { lr: '1', seed: '1' });
  assert.equal(
    columnsOf([cell, plain], none).map((one) => [one.title, columnValue(cell, one), columnValue(plain, one)]),
    [
      ['lr', '3', '1'],
      ['seed', '2', '1'],
    ],
  );
  assert.equal(
    [trialValue(cell, 'lr'), trialValue(cell, 'matrix.lr'), trialValue(plain, 'lr')],
    ['3', '3', '1'],
  );
  const both = [trial('a', { loss: '1' }, { loss: 1 }), trial('b', { loss: '2' }, { loss: 3 })];
  assert.equal(
    columnsOf(both, none).map(({ title }) => title),
    ['loss (variable)', 'loss'],
  );
  assert.is(trialValue(both[1] as Trial, 'loss'), 3, 'what was measured comes before what was given');
});

test('the best: by the goal that is said, or that the name says; never what is no number', () => {
  assert.equal([...bestBy([a, b, c], column('loss'))], [b]);
  assert.equal([...bestBy([a, b, c], column('val.acc'))], [a]);
  assert.is(bestBy([a, b, c], column('step')).size, 0, 'nobody knows');
  const step = { goals: new Map([['step', 'max'] as const]) };
  assert.equal([...bestBy([a, b, c], column('step', [a, b, c], step))], [a, b]);
  assert.is(bestBy([a, c], column('val.acc')).size, 0, 'there is nothing to compare it with');
});

test('what names say', () => {
  for (const name of ['loss', 'val.loss', 'val_loss', 'trainLoss', 'test/error_rate', 'RMSE', 'acc_loss'])
    assert.is(guessGoal(name), 'min', name);
  for (const name of ['accuracy', 'val.acc', 'top1', 'F1', 'meanReward', 'r2'])
    assert.is(guessGoal(name), 'max', name);
  for (const name of ['step', 'lr', 'glossary', 'macc', '']) assert.is(guessGoal(name), null, name);
});

test('sorted: the best first, numbers before texts, and last what is not there', () => {
  const sort = (name: string, goal: 'min' | 'max' | null = null, reverse = false) =>
    runsOf(sortTrials([a, b, c], name, { goal, reverse }));
  assert.is(sort('loss', 'min'), 'bac');
  assert.is(sort('loss', 'min', true), 'abc');
  assert.is(sort('val.acc', 'max'), 'abc');
  assert.is(sort('lr'), 'bac', 'as numbers, not as texts');
  assert.is(sort('note', null, true), 'cba');
  assert.is(sort('nothing'), 'abc');
});

test('conditions', () => {
  const which = (text: string) => {
    const condition = parseCondition(text);
    if (!condition) throw new Error(`${text} is no condition`);
    return runsOf([a, b, c].filter((one) => fulfils(one, condition)));
  };
  assert.is(which('lr>0.05'), 'ac');
  assert.is(which('lr >= 0.1'), 'ac');
  assert.is(which('lr=0.10'), 'a', 'the same number');
  assert.is(which('lr<=0.02'), 'b');
  assert.is(which('note=y'), 'b');
  assert.is(which('note!=y'), 'ac');
  assert.is(which('note<y'), '', 'a text is not more or less than another');
  assert.is(which('loss==NaN'), 'c');
  assert.is(which('loss<1'), 'ab');
  assert.is(which('val.acc!=0.7'), 'bc');
  assert.is(which('state=done'), 'abc');
  assert.is(which('run=a'), 'a');
  assert.is(which('constructor!=1'), 'abc');
  for (const text of ['', 'lr', '>1', 'lr<>1', '=', '!x=1']) assert.is(parseCondition(text), null, text);
});

test('names that something is known by', () => {
  const names = trialNames([trial('a', { 'matrix.lr': '1' }, { loss: 1 })]);
  assert.equal(names, ['loss', 'lr', 'matrix.lr', 'run', 'job', 'workflow', 'state', 'runner']);
});

test.run();
