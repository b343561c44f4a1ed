import { Ajv } from 'ajv';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { DstackError } from '../../src/errors.ts';
import { checkWorkflows, readProject } from '../../src/language/check-workflows.ts';
import { variablesSchema, workflowsSchema } from '../../src/language/schema.ts';
import type { Source } from '../../src/language/source.ts';
import { examples } from './examples/examples.ts';
import { variablesOf, workflowsPath } from './language-fixture.ts';

const ajv = new Ajv({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
});
const byEditor = ajv.compile(workflowsSchema());
const byEditorVariables = ajv.compile(variablesSchema());

/** Whether dstack takes a file, and what it says if not. */
function judge(act: () => unknown): { sound: boolean; says: string } {
  try {
    act();
    return { sound: true, says: '' };
  } catch (error) {
    if (error instanceof DstackError) return { sound: false, says: error.message };
    throw error;
  }
}

function agree(text: string, variablesFile: Source | null = null): boolean {
  const mine = judge(() => {
    const { workflows, variables } = readProject([{ path: workflowsPath, text }], variablesFile);
    checkWorkflows(workflows, variables);
  });
  const sound = byEditor(parse(text));
  if (sound !== mine.sound) {
    const editor = ajv.errorsText(byEditor.errors);
    assert.unreachable(
      `${text}\n--- editor: ${sound ? 'sound' : editor}\n--- dstack: ${mine.says || 'sound'}`,
    );
  }
  return sound;
}

/** Right and wrong values of each key: what a schema can tell apart. Nothing that only a plan could. */
const values: Record<string, { right: unknown[]; wrong: unknown[] }> = {
  name: { right: [], wrong: [['a'], { a: 1 }, 'A b', 'a..b', 'global', true, null] },
  help: { right: ['text', 3.1], wrong: ['', ' ', [], {}, null, false] },
  image: { right: ['debian:12', '${{ run_name }}'], wrong: [[], {}, null, true] },
  entrypoint: { right: [], wrong: [[], '/entry.sh', {}, null, [[]]] },
  provider: { right: ['bash'], wrong: ['basch', 1, ['bash'], null] },
  commands: { right: [['a'], ['a', 'b'], [1]], wrong: ['a', [], [['a']], [null], [{}], null, ['']] },
  file: { right: [], wrong: ['t.py'] },
  on: {
    right: [
      ...['push', ['push'], {}, { push: null }, { push: {} }],
      { push: { branches: 'main', tags: ['v*'], paths: ['src/**'] }, schedule: '0 3 * * *' },
      { schedule: ['*/5 * * * * *', { cron: '0 3 * * 1-5', timezone: 'Europe/Berlin' }] },
    ],
    wrong: [
      ...['pull', null, 1, ['pull'], { pull: {} }, { push: 'main' }, { push: ['main'] }],
      ...[{ push: { branch: 'main' } }, { push: { branches: {} } }, { push: { branches: '' } }],
      ...[{ schedule: 5 }, { schedule: null }, { schedule: { timezone: 'UTC' } }, { schedule: [[]] }],
    ],
  },
  'depends-on': {
    right: [
      [],
      ['x:tag', ':tag'],
      { repo: { include: ['a'], exclude: [], strict: false } },
      { workflows: [] },
      {},
    ],
    wrong: [
      'x',
      [1.5, null],
      { repos: {} },
      { repo: { include: 'a' } },
      { repo: { strict: 'no' } },
      { workflows: {} },
      null,
    ],
  },
  artifacts: {
    right: [['out'], [{ path: 'a' }], []],
    wrong: ['out', [{}], [{ pth: 'a' }], { a: 1 }, [null], null],
  },
  env: {
    right: [['A=1'], { A: 1, B: 'no', C: false }, {}, []],
    wrong: ['A=1', { A: null }, { A: [1] }, [{}], null],
  },
  secrets: { right: [['HF_TOKEN'], []], wrong: ['HF_TOKEN', [null], {}, null] },
  working_dir: { right: ['src'], wrong: [['a'], null, true, ''] },
  matrix: {
    right: [{ a: [1, '2', false] }, { a: [1], include: [{ b: 1 }], exclude: [] }, { include: [{ a: 1 }] }],
    wrong: [
      {},
      [],
      1,
      { a: [] },
      { a: 1 },
      { a: [[1]] },
      { a: [null] },
      { 'a b': [1] },
      { include: {} },
      { include: [{}] },
      null,
    ],
  },
  resources: {
    right: [
      { cpu: 2, memory: '16GB', shm_size: '1 gb', interruptible: true },
      { cpu: '0.5', gpu: 2 },
      { gpu: { name: 'A100', count: 1, memory: '40GB' } },
      { 'v100/gpu': 1 },
      { cpu: '${{ run_name }}4' },
      {},
    ].slice(0, 4),
    wrong: [
      { cpus: 1 },
      { cpu: -1 },
      { cpu: 0 },
      { cpu: 'two' },
      { memory: 16 },
      { memory: '16GiB' },
      { gpu: 1.5 },
      { gpu: { nam: 'a' } },
      { gpu: [1] },
      { interruptible: 'yes' },
      { cpu: null },
      [],
      null,
    ],
  },
  ports: { right: [2, [8080, 80], '3', []], wrong: [-1, 101, [0], [70000], ['x'], { a: 1 }, null, true] },
  timeout: { right: ['2h', '1.5 m', '250ms'], wrong: [60, '60', 'soon', '2 weeks', ['1h'], null] },
  retry: {
    right: [3, '0', { limit: 1, on: ['exit', 'runner-lost'] }, {}],
    wrong: [-1, 101, 'often', { on: ['exits'] }, { on: 'exit' }, { times: 1 }, [1], null],
  },
  labels: {
    right: [{ gpu: 'a100', n: 1 }, {}],
    wrong: [['a'], 'a', { 'a b': 1 }, { a: null }, { a: [1] }, null],
  },
  cache: {
    right: [
      ...[['.venv', '~/.cache/pip'], [], { paths: ['a'], key: 'b' }, { paths: 'a' }],
      ['a', { paths: ['b', 'c'], key: ['d', 'e'] }],
    ],
    wrong: [
      ...['.venv', false, null, {}, { key: 'a' }, { paths: [] }, { paths: 'a', key: [] }, { path: 'a' }],
      ...[[['a']], [null], [{ paths: null }], [{}]],
    ],
  },
  environment: { right: [['A=1']], wrong: [null, 1] },
  deps: {
    right: [[{ tag: 't' }, { workflow: 'x', tag: 't' }], []],
    wrong: [{}, [{}], [{ wokflow: 'x' }], null],
  },
  metrics: { right: ['m.jsonl', 'out/$run_name.jsonl'], wrong: [['m.jsonl'], { path: 'm' }, null, true, ''] },
  comands: { right: [], wrong: [['a']] },
};

const base = (more: object) => stringify({ workflows: [{ name: 'a', commands: ['x'], ...more }] });

test('an editor and dstack agree on every key, right and wrong', () => {
  let files = 0;
  for (const [key, { right, wrong }] of Object.entries(values)) {
    for (const value of right) {
      files++;
      assert.ok(agree(base({ [key]: value })), `${key}: ${JSON.stringify(value)}`);
    }
    for (const value of wrong) {
      files++;
      assert.not.ok(agree(base({ [key]: value })), `${key}: ${JSON.stringify(value)}`);
    }
  }
  assert.ok(files > 150, `only ${files}`);
});

test('they agree on what goes with which provider, on spellings, and on the file around it', () => {
  const python = { name: 'a', provider: 'python', file: 't.py' };
  const sound: object[] = [
    python,
    { name: 'a', provider: 'python', script: 't.py', args: ['--x', 1], version: 3.1, requirements: 'r.txt' },
    { ...python, args: '--x 1', image: 'python' },
    { name: 'a', provider: 'docker', image: 'x', commands: ['x'] },
    ...[[], [''], ['/entry.sh', 1]].map((entrypoint) => ({
      name: 'a',
      image: 'x',
      commands: ['x'],
      entrypoint,
    })),
    { ...python, entrypoint: [] },
  ];
  const wrong: object[] = [
    {},
    { name: 'a' },
    { commands: ['x'] },
    { name: 'a', provider: 'python' },
    { ...python, commands: ['x'] },
    { ...python, script: 't.py' },
    { ...python, image: 'x', version: '3.9' },
    { name: 'a', provider: 'docker', commands: ['x'] },
    { name: 'a', commands: ['x'], args: 'x' },
    { name: 'a', commands: ['x'], env: [], environment: [] },
    { name: 'a', commands: ['x'], 'depends-on': [], deps: [] },
  ];
  for (const workflow of sound)
    assert.ok(agree(stringify({ workflows: [workflow] })), JSON.stringify(workflow));
  for (const workflow of wrong)
    assert.not.ok(agree(stringify({ workflows: [workflow] })), JSON.stringify(workflow));
  for (const text of [
    '[]',
    'workflows: {}',
    'workflows: []',
    'workflow: []',
    'workflows:',
    'a: 1\nworkflows: [{name: a, commands: [x]}]',
  ])
    assert.not.ok(agree(text), text);
});

test('they agree on what only a container can have', () => {
  const container = { name: 'a', image: 'x', commands: ['x'] };
  const sound: object[] = [
    { ...container, mounts: ['/data:/data', '/a/b:/mnt/c:rw', '/${{ run_name }}:/x'] },
    { ...container, network: 'host', capabilities: ['SYS_PTRACE', 'CAP_IPC_LOCK'] },
    { ...container, network: 'none', mounts: [], capabilities: [] },
    { name: 'a', provider: 'bash', commands: ['x'], network: 'host', ports: [80] },
    { name: 'a', commands: ['x'], mounts: [], capabilities: [] },
  ];
  const plain = { name: 'a', commands: ['x'] };
  const wrong: object[] = [
    ...[{ mounts: ['/data:/data'] }, { network: 'none' }, { capabilities: ['KILL'] }].map((one) => ({
      ...plain,
      ...one,
    })),
    ...[
      ...['/data', '/data:/data:', 'data:/data', '/data:/data:wo', '/a:/b:ro:x', 1, null].map((mount) => ({
        mounts: [mount],
      })),
      ...[{ mounts: '/a:/b' }, { network: 'bridge' }, { network: ['host'] }, { network: null }],
      ...[{ capabilities: 'KILL' }, { capabilities: ['ALL'] }, { capabilities: ['sys_ptrace'] }],
      { network: 'none', ports: 1 },
    ].map((one) => ({ ...container, ...one })),
  ];
  for (const workflow of sound)
    assert.ok(agree(stringify({ workflows: [workflow] })), JSON.stringify(workflow));
  for (const workflow of wrong)
    assert.not.ok(agree(stringify({ workflows: [workflow] })), JSON.stringify(workflow));
});

test('they agree on 200 files of all keys together', () => {
  const entry = fc.constantFrom(...Object.keys(values)).chain((key) => {
    const { right, wrong } = values[key]!;
    const choices = [...right.flatMap((one) => Array(8).fill(one)), ...wrong];
    return fc.constantFrom(...choices).map((value): [string, unknown] => [key, value]);
  });
  const workflow = fc.array(entry, { maxLength: 5 }).map((entries) => Object.fromEntries(entries));
  let sound = 0;
  const seen = new Set<string>();
  fc.assert(
    fc.property(workflow, (more) => {
      const text = base(more);
      seen.add(text);
      if (agree(text)) sound++;
    }),
    { numRuns: 260, seed: 7 },
  );
  assert.ok(seen.size > 200 && sound > 50 && seen.size - sound > 50, `${seen.size} files, ${sound} sound`);
});

test('they agree on the published examples', () => {
  for (const { files, variables } of examples) {
    for (const { text } of files) assert.ok(agree(text, variables));
  }
});

test('they agree on variables', () => {
  const right = ['', 'variables:', 'variables: {global: {a: 1, b-c: no}, train: }', '{}'];
  const wrong = ['[]', 'variables: []', 'variables: {a: 1}', 'variables: {global: {a: [1]}}', 'vars: {}'];
  const wrongNames = [
    'variables: {global: {a b: 1}}',
    'variables: {global: {1a: 1}}',
    'variables: {a: {b: }}',
  ];
  for (const text of [...right, ...wrong, ...wrongNames]) {
    const { sound, says } = judge(() => variablesOf(text));
    assert.is(byEditorVariables(parse(text)), sound, `${text}: ${says}`);
    assert.is(sound, right.includes(text), text);
  }
});

test('every key is described', () => {
  type Properties = {
    properties: { workflows: { items: { properties: Record<string, { description: string }> } } };
  };
  const { properties } = (workflowsSchema() as unknown as Properties).properties.workflows.items;
  for (const [name, { description }] of Object.entries(properties)) assert.ok(description.length > 5, name);
});

test.run();
