import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CacheInput, cacheKey, describeKey } from '../../src/language/cache-key.ts';
import { placeholderRunName } from '../../src/language/workflow-scope.ts';
import { jobOf } from './language-fixture.ts';

const job = (lines = '', request = {}) =>
  jobOf(
    `workflows:\n- name: train\n  image: a\n  commands: ['$run_name']\n  artifacts: [x, y]\n${lines}`,
    'variables: {train: {a: 1, b: 2}}',
    { runName: placeholderRunName, ...request },
  );
const input: CacheInput = {
  spec: { ...job(), secrets: ['S'] },
  filesTree: 't1',
  dependencyKeys: ['k1', 'k2'],
};

test('a key is 64 hexadecimal digits, and the same in every version of this format', () => {
  assert.is(cacheKey(input), 'f5ab4afebaec48878e25bfc160613017bbd88e0b6e95db6a67d116d588eb8122');
});

test('every input changes the key', () => {
  const spec = input.spec;
  const changed: Partial<CacheInput>[] = [
    { filesTree: 't2' },
    { dependencyKeys: ['k1'] },
    { spec: { ...spec, image: 'b' } },
    { spec: { ...spec, image: null } },
    { spec: { ...spec, entrypoint: [] } },
    { spec: { ...spec, entrypoint: ['x'] } },
    { spec: { ...spec, commands: [...spec.commands, 'x'] } },
    { spec: { ...spec, workingDir: 'x' } },
    { spec: { ...spec, metrics: 'metrics.jsonl' } },
    { spec: { ...spec, files: { include: ['a'], exclude: [], strict: false } } },
    { spec: { ...spec, artifacts: ['x'] } },
    { spec: { ...spec, env: { ...spec.env, C: '' } } },
    { spec: { ...spec, variables: { ...spec.variables, a: '2' } } },
  ];
  const keys = changed.map((change) => cacheKey({ ...input, ...change }));
  assert.is(new Set([cacheKey(input), ...keys]).size, changed.length + 1);
});

test('order, names of jobs, secrets and the run do not change the key', () => {
  const { spec } = input;
  const same: Partial<CacheInput>[] = [
    { dependencyKeys: ['k2', 'k1'] },
    { spec: { ...spec, name: 'other', workflow: 'other' } },
    { spec: { ...spec, secrets: [] } },
    // Which files these are, `filesTree` says.
    { spec: { ...spec, files: { include: ['a'], exclude: [], strict: true } } },
    { spec: { ...spec, artifacts: ['y', 'x'] } },
    { spec: { ...spec, variables: { b: '2', a: '1' } } },
    { spec: { ...spec, env: { S: 'hunter2', ...spec.env } } },
  ];
  for (const change of same) assert.is(cacheKey({ ...input, ...change }), cacheKey(input));
});

test('the inputs have names, and no secret is among them', () => {
  const described = describeKey({ ...input, spec: { ...input.spec, env: { S: 'hunter2', A: '1' } } });
  assert.equal(described.env, { A: '1' });
  assert.not.match(JSON.stringify(described), 'hunter2');
  assert.equal(Object.keys(described).sort(), [
    'artifacts',
    'commands',
    'dependencies',
    'env',
    'files',
    'format',
    'image',
    'metrics',
    'strict',
    'variables',
    'workingDir',
  ]);
});

test.run();
