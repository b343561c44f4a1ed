import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alike } from '../../src/ledger/alike.ts';
import { compareSpecs, countDifferences } from '../../src/ledger/differences.ts';
import { lineDiff } from '../../src/ledger/line-diff.ts';
import { jobSpec } from './support.ts';

type More = Parameters<typeof jobSpec>[1];
const compare = (before: More, after: More, runs = ['old-run', 'new-run']) =>
  compareSpecs(
    { run: runs[0] as string, spec: jobSpec('train', before) },
    { run: runs[1] as string, spec: jobSpec('train', after) },
  );

test('what has changed is named, with what it was and is', () => {
  assert.equal(compare({}, {}), []);
  assert.equal(compare({ image: 'python:3.11' }, { image: 'python:3.12' }), [
    { kind: 'image', before: 'python:3.11', after: 'python:3.12' },
  ]);
  assert.equal(compare({ image: 'python:3.11' }, {}), [
    { kind: 'image', before: 'python:3.11', after: null },
  ]);
  assert.equal(compare({ workingDir: 'a' }, {}), [{ kind: 'working directory', before: 'a', after: '.' }]);
  assert.equal(compare({}, { metrics: 'm.jsonl' }), [{ kind: 'metrics', before: null, after: 'm.jsonl' }]);
  assert.equal(compare({ artifacts: ['a', 'b'] }, { artifacts: ['b', 'c'] }), [
    { kind: 'artifacts', added: ['c'], removed: ['a'] },
  ]);
  assert.equal(compare({ env: { A: '1', B: '2' } }, { env: { B: '3', C: '' } }), [
    { kind: 'environment', name: 'A', before: '1', after: null },
    { kind: 'environment', name: 'B', before: '2', after: '3' },
    { kind: 'environment', name: 'C', before: null, after: '' },
  ]);
  const mounted = (source: string) => ({
    access: { mounts: [{ source, target: '/data', readOnly: true }], network: null, capabilities: [] },
  });
  assert.equal(compare(mounted('/a'), mounted('/b')), [
    { kind: 'mounts', added: ['/b:/data'], removed: ['/a:/data'] },
  ]);
  const loose = { files: { include: ['a'], exclude: [], strict: false } };
  assert.equal(compare({}, loose), [{ kind: 'strict', before: 'true', after: 'false' }]);
});

test('commands are compared line by line', () => {
  assert.equal(compare({ commands: ['a\nb', 'c', 'd'] }, { commands: ['a\nx', 'c', 'd', 'e'] }), [
    { kind: 'commands', lines: ['-b', '+x', '+e'] },
  ]);
  // The same lines, but another shell command fails the job.
  assert.equal(compare({ commands: ['a\nb'] }, { commands: ['a', 'b'] }), [
    { kind: 'commands', lines: ['+a', '+b'] },
  ]);
});

test('a variable is told once, not again for each place where its value stands', () => {
  const job = (lr: string, seed = '1') => ({
    variables: { lr, seed },
    env: { LR: lr, SEED: seed, ARGS: `--lr=${lr}` },
    commands: [`python train.py --lr ${lr} --seed ${seed}`],
    artifacts: [`out/${lr}`],
  });
  assert.equal(compare(job('0.1'), job('0.25')), [
    { kind: 'variable', name: 'lr', before: '0.1', after: '0.25' },
  ]);
  const changedToo = { ...job('0.25'), commands: ['python train.py --fast --lr 0.25 --seed 1'] };
  assert.equal(
    compare(job('0.1'), changedToo).map(({ kind }) => kind),
    ['variable', 'commands'],
  );
  assert.equal(compare({}, { variables: { x: '1' }, env: { X: '1' } }), [
    { kind: 'variable', name: 'x', before: null, after: '1' },
  ]);
});

test('the name of the run is no difference, even one that stands elsewhere, too', () => {
  const job = (run: string) => ({ commands: [`python train.py ${run} ${run}/train`], env: { RUN: run } });
  assert.equal(compare(job('old-run'), job('new-run')), []);
  assert.equal(compare(job('train'), job('new-run'), ['train', 'new-run']), []);
  assert.equal(compare(job('old-run'), job('train'), ['old-run', 'train']), []);
  assert.is(compare(job('old-run'), job('third')).length, 2);
});

test('secrets are no part of it', () => {
  const job = (value: string) => ({ secrets: ['TOKEN'], env: { TOKEN: value } });
  assert.equal(compare(job('a'), job('b')), []);
});

test('the inputs of dependencies count', () => {
  const file = { kind: 'file', path: 'a', change: 'changed' } as const;
  const dependency = { kind: 'dependency', name: 'd', change: 'changed' } as const;
  assert.is(countDifferences([file, { ...dependency, because: [file, file] }]), 3);
  assert.is(countDifferences([{ ...dependency, because: null }]), 1);
});

test('texts are alike if what differs may differ, whatever else is in them', () => {
  const pairs = [
    ['1', '22'],
    ['a', 'ab'],
  ] as const;
  assert.ok(alike('x 1 y 1', 'x 22 y 1', pairs));
  assert.ok(alike('aaa', 'abaab', pairs));
  assert.not.ok(alike('x 1', 'x 3', pairs));
  assert.not.ok(alike('22', '1', pairs));
  // Nothing that is written to be slow is.
  assert.not.ok(alike('a'.repeat(5_000), `${'ab'.repeat(5_000)}x`, pairs));
});

test('a diff has what was taken out and put in', () => {
  const diff = (before: string, after: string) =>
    lineDiff([...before], [...after], (a, b) => a === b).join(' ');
  assert.is(diff('abc', 'abc'), '');
  assert.is(diff('abcd', 'axcdy'), '-b +x +y');
  assert.is(diff('', 'ab'), '+a +b');
  assert.is(diff('ab', ''), '-a -b');
  const [many, others] = ['-', '+'].map((sign) => Array.from({ length: 600 }, (_, at) => `${sign}${at}`));
  assert.is(lineDiff(many as string[], others as string[], (a, b) => a === b).length, 1_200);
});

test.run();
