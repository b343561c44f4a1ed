import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { foreignKeys } from '../../src/language/foreign-keys.ts';
import { keyRules } from '../../src/language/workflow-keys.ts';
import { parseWorkflows } from '../../src/language/workflows.ts';
import { failureOf, placesOf, workflowOf, workflowsOf } from './language-fixture.ts';

/** The errors of one workflow, given by its keys. */
const errorsOf = (...lines: string[]) =>
  placesOf(() => workflowsOf(['workflows:', '- name: a', ...lines.map((line) => `  ${line}`)].join('\n')));

test('all keys of a workflow are read', () => {
  const workflow = workflowOf(`workflows:
  - name: train
    help: Train it
    provider: docker
    image: pytorch
    commands: [a, b]
    depends-on:
      repo: {include: [x], exclude: [y]}
      workflows: [prep, 'data:v1', ':v2']
      variables: [lr]
    artifacts: [out, {path: log}]
    env: [A=1=2, B]
    working_dir: sub
`);
  assert.is(workflow.name.text, 'train');
  assert.is(workflow.help, 'Train it');
  assert.is(workflow.program.kind, 'commands');
  const { references, files, variables } = workflow.dependsOn;
  assert.equal(
    references.map(({ workflow, tag }) => [workflow?.text, tag?.text]),
    [
      ['prep', undefined],
      ['data', 'v1'],
      [undefined, 'v2'],
    ],
  );
  assert.equal(
    files?.include?.map(({ text }) => text),
    ['x'],
  );
  assert.equal(
    files?.exclude.map(({ text }) => text),
    ['y'],
  );
  assert.equal(
    variables?.map(({ text }) => text),
    ['lr'],
  );
  assert.equal(
    workflow.artifacts.map(({ text }) => text),
    ['out', 'log'],
  );
  assert.equal(
    workflow.env.map(({ name, value }) => [name.text, value?.text]),
    [
      ['A', '1=2'],
      ['B', undefined],
    ],
  );
  assert.is(workflow.workingDir?.text, 'sub');
});

test('spellings of earlier versions mean the same', () => {
  const old = workflowOf(`workflows:
  - name: a
    provider: python
    script: x.py
    deps: [{workflow: b}, {tag: t}, {workflow: c, tag: t}, d]
    environment: {A: 1, B: no, C: ''}
`);
  assert.is(old.program.kind === 'python' && old.program.file.text, 'x.py');
  assert.equal(
    old.dependsOn.references.map(({ workflow, tag }) => [workflow?.text, tag?.text]),
    [
      ['b', undefined],
      [undefined, 't'],
      ['c', 't'],
      ['d', undefined],
    ],
  );
  assert.equal(
    old.env.map(({ value }) => value?.text),
    ['1', 'no', ''],
  );
});

test('several files are merged, and a name is unique among them', () => {
  const file = (path: string, name: string) => ({
    path,
    text: `workflows: [{name: ${name}, commands: [x]}]`,
  });
  assert.equal([...parseWorkflows([file('a', 'one'), file('b', 'two')]).keys()], ['one', 'two']);
  const { message } = failureOf(() => parseWorkflows([file('a', 'one'), file('b', 'one')]));
  assert.match(message, 'b:1:20: there are two workflows named `one`');
  assert.match(message, 'a:1:20: the first one');
});

test('no file and an empty file are told apart', () => {
  assert.is(failureOf(() => parseWorkflows([])).code, 'no-workflows');
  assert.equal(
    placesOf(() => workflowsOf('# nothing')),
    ['1:1: the file is empty; `workflows:` is expected'],
  );
  assert.match(placesOf(() => workflowsOf('workflows:'))[0]!, '1:1: `workflows` is a list');
  assert.match(placesOf(() => workflowsOf('workflows: []'))[0]!, '1:12: `workflows` is a list');
  assert.match(placesOf(() => workflowsOf('workflow: []'))[0]!, 'did you mean `workflows`?');
  assert.match(placesOf(() => workflowsOf('workflows: {a: {}}'))[0]!, 'but here is a map');
});

test('all errors of a file are found at once, in their order', () => {
  const places = placesOf(() =>
    workflowsOf(`workflows:
  - name: Train
    comands: [x]
    commands: [x]
  - commands: []
    matrix: {}
`),
  );
  assert.equal(places, [
    '2:11: `Train` can\'t name a workflow: only lower-case letters, digits, "-", "_" and inner dots are allowed; `train` would do',
    '3:5: unknown key `comands` in a workflow; did you mean `commands`?',
    '5:5: this workflow has no `name`',
    '5:5: `commands` is empty; there is nothing to execute',
    '6:13: `matrix` is empty; a list for each name is expected',
  ]);
});

test('what is advised instead of keys of other tools is no key itself', () => {
  for (const key of Object.keys(foreignKeys)) assert.not.ok(Object.hasOwn(keyRules, key), key);
});

test('keys that JavaScript objects have are unknown all the same', () => {
  for (const key of ['constructor', '__proto__', 'toString']) {
    assert.match(errorsOf('commands: [x]', `${key}: 1`)[0]!, `unknown key \`${key}\``);
  }
});

test('what YAML takes for something else must be quoted', () => {
  const quote = (line: string, column: number, what: string, word: string, kind: string) =>
    assert.equal(errorsOf('commands: [x]', line), [
      `4:${column}: ${what} is text, and \`${word}\` is a ${kind} in YAML; write \`"${word}"\`, in quotes`,
    ]);
  quote('help: yes', 9, '`help`', 'yes', 'boolean');
  quote('help: No', 9, '`help`', 'No', 'boolean');
  quote('working_dir: true', 16, '`working_dir`', 'true', 'boolean');
  quote('artifacts: [off]', 15, 'an item of `artifacts`', 'off', 'boolean');
  assert.not.throws(() => workflowOf("workflows: [{name: '1', commands: [x], image: '3.10', help: 'yes'}]"));
});

test('a number where text is meant is text as it is written', () => {
  const workflow = workflowOf(`workflows:
  - {name: 7, provider: python, file: t.py, version: 3.10, artifacts: [2024, 1e3], env: [A=1.0]}
`);
  assert.is(workflow.name.text, '7');
  assert.is(workflow.program.kind === 'python' && workflow.program.version?.text, '3.10');
  assert.equal(
    workflow.artifacts.map(({ text }) => text),
    ['2024', '1e3'],
  );
});

const mistakes: [line: string, error: string][] = [
  ['image: [x]', '4:10: `image` is text, but here is a list'],
  ['image:', '4:3: `image` has no value; empty text is written `""`'],
  ['image: " "', '4:10: `image` is empty'],
  ['help: "a\\0b"', '4:9: `help` contains a NUL character'],
  ['artifacts: out', '4:14: `artifacts` is a list, with `- …` for each item, but here is `out`'],
  ['artifacts: [{pth: out}]', '4:16: unknown key `pth` in an item of `artifacts`; did you mean `path`?'],
  [
    'depends-on: b',
    '4:15: `depends-on` is a list of workflows, or a map of repo, workflows and variables, but here is `b`',
  ],
  ['depends-on: {repos: {}}', '4:16: unknown key `repos` in `depends-on`; did you mean `repo`?'],
  [
    'depends-on: {repo: {includes: []}}',
    '4:23: unknown key `includes` in `repo` of `depends-on`; did you mean `include`?',
  ],
  ['depends-on: ["b:"]', '4:16: `b:` has no tag behind the colon; `name:tag` is expected'],
  ['deps: [{}]', '4:10: an item of `deps` names neither a `workflow` nor a `tag`'],
  ['env: A=1', '4:8: `env` is a list of `NAME=value` or `NAME`, or a map, but here is `A=1`'],
  ['env: {A: }', '4:9: `A` in `env` has no value; empty text is written `""`'],
  ['env: {A: [1]}', '4:12: `A` in `env` is a value, but here is a list'],
  ['env: [RUN_NAME=x]', "4:9: `RUN_NAME=…` can't be a name in `env`: it is set by dstack"],
  [
    'env: [{A: 1}]',
    '4:9: an item of `env` is text, `- A=value`, but here is a map; as a map `env` has no `-` before its names',
  ],
  ['needs: [b]', '4:3: unknown key `needs` in a workflow; what it depends on is a list under `depends-on`'],
  ['run: x', '4:3: unknown key `run` in a workflow; what it executes is a list under `commands`'],
  ['provider: pythn', '4:13: there is no provider `pythn`; did you mean `python`?'],
  ['provider: docker', '4:13: the provider `docker` needs an `image` beside it'],
  ['args: x', '4:3: `args` goes with `provider: python` only'],
];

for (const [line, error] of mistakes) {
  test(`${line} is an error at its place`, () => {
    // A name is reported without the value that was written behind it.
    const expected = line.startsWith('env: [RUN') ? error.replace('RUN_NAME=…', 'RUN_NAME') : error;
    assert.equal(errorsOf('commands: [x]', line), [expected]);
  });
}

test('two spellings of one key, and two entries of one name, are shown with both places', () => {
  assert.equal(errorsOf('commands: [x]', 'env: [A=1]', 'environment: [B=1]'), [
    '5:3: `environment` and `env` mean the same; one of them is enough',
    '4:3: the other one',
  ]);
  assert.equal(errorsOf('commands: [x]', 'env: [A=1, A]'), [
    '4:14: `A` is in `env` twice',
    '4:9: the first one',
  ]);
});

test('the provider python has a file instead of commands', () => {
  assert.match(errorsOf('provider: python')[0]!, '3:13: the provider `python` needs a `file` beside it');
  assert.match(errorsOf('provider: python', 'file: x', 'commands: [x]')[0]!, '5:3: `commands` goes with');
  assert.match(
    errorsOf('provider: python', 'file: x', 'image: y', 'version: "3.9"')[0]!,
    '6:3: `version` chooses an image',
  );
});

test('names become parts of refs, and are checked as such', () => {
  const bad = ['-a', '.a', 'a.', 'a..b', 'a.lock', 'a/b', 'a b', 'é', 'global', 'a'.repeat(65)];
  for (const name of bad) {
    const [error] = placesOf(() => workflowsOf(`workflows: [{name: '${name}', commands: [x]}]`));
    assert.match(error!, /^1:20: `.*` can't name a workflow: /);
  }
  for (const name of ['a', '0', 'a.b', 'a-', 'a_b', 'constructor', 'a'.repeat(64)]) {
    assert.is(workflowOf(`workflows: [{name: '${name}', commands: [x]}]`).name.text, name);
  }
});

test.run();
