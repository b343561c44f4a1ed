import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkWorkflows, readProject } from '../../src/language/check-workflows.ts';
import { failureOf, variablesOf, variablesPath, workflowsOf } from './language-fixture.ts';

const file = (name: string, text: string) => ({ path: `.dstack/${name}`, text });
const errorsOf = (action: () => unknown) =>
  failureOf(action)
    .message.split('\n')
    .filter((line) => /^\S+:\d+:\d+: /.test(line));

test('everything that is wrong in all files and in every plan is shown at once, each in its file', () => {
  const files = [
    file('workflows.yaml', 'workflows:\n- {name: one, comands: [x], commands: [x], depends-on: [tow]}\n'),
    file('workflows/b.yaml', 'workflows:\n- {name: two, commands: ["${{ rws }}"], artifacts: [../x]}\n'),
    file('workflows/c.yaml', 'workflows:\n- {name: one, commands: [x], matrix: {a: []}}\n'),
  ];
  const variables = { path: variablesPath, text: 'variables: {two: {rows: 1, PATH: 2}, tow: {a: 1}}' };
  assert.equal(
    errorsOf(() => readProject(files, variables)),
    [
      '.dstack/workflows.yaml:2:15: unknown key `comands` in a workflow; did you mean `commands`?',
      '.dstack/workflows.yaml:2:57: there is no workflow `tow`; did you mean `two`?',
      '.dstack/workflows/c.yaml:2:10: there are two workflows named `one`',
      '.dstack/workflows.yaml:2:10: the first one',
      '.dstack/workflows/c.yaml:2:42: `a` of `matrix` is empty, so nothing would be run',
      ".dstack/variables.yaml:1:28: `PATH` can't name a variable: the job would get it as PATH, which has another meaning there",
      '.dstack/variables.yaml:1:38: there is no workflow `tow` that could have variables; did you mean `two`?',
      '.dstack/workflows/b.yaml:2:27: there is no variable `rws`; did you mean `rows`?',
      ".dstack/workflows/b.yaml:2:53: `../x` can't be an artifact: `..` would lead out of the workspace",
    ],
  );
});

test('each error has its line, and carets under the place', () => {
  const { message } = failureOf(() =>
    readProject([file('workflows.yaml', 'workflows:\n- name: one\n  commands: [x]\n  timeot: 2h\n')], null),
  );
  assert.match(message, '\n  4 |   timeot: 2h\n    |   ^^^^^^');
});

test('where workflows or variables are not known by name, nobody is blamed for naming them', () => {
  const files = [
    file('workflows.yaml', 'workflows:\n- {name: one, commands: ["${{ rows }}"], depends-on: [two]}\n'),
    file('workflows/b.yaml', 'workflows: [\n'),
  ];
  const [error, ...others] = errorsOf(() => readProject(files, null));
  assert.match(error!, '.dstack/workflows/b.yaml:2:1: not valid YAML');
  assert.equal(others, []);
  const broken = { path: variablesPath, text: 'variables: [rows]' };
  const two = file('workflows/b.yaml', 'workflows: [{name: two, commands: [x]}]');
  assert.is(errorsOf(() => readProject([files[0]!, two], broken)).length, 1);
});

test('sound files are read as they are', () => {
  const files = [file('workflows/b.yaml', 'workflows: [{name: two, commands: [x], depends-on: [one]}]')];
  const one = file('workflows/a.yaml', 'workflows: [{name: one, commands: [x]}]');
  const { workflows, variables } = readProject([one, ...files], null);
  assert.equal([...workflows.keys()], ['one', 'two']);
  assert.is(variables.global.size, 0);
  assert.is(failureOf(() => readProject([], null)).code, 'no-workflows');
});

test('all mistakes of all plans are found, though no single plan has them', () => {
  const workflows = workflowsOf(`workflows:
- {name: a, commands: ['\${{ x }}'], env: [MODE]}
- {name: b, commands: [x], depends-on: [c], timeout: soon}
- {name: c, commands: [x], depends-on: [b]}
- {name: d, commands: [x], depends-on: ['old:tag'], matrix: {n: [1, 2]}, artifacts: [out]}
- {name: e, commands: [x], depends-on: [d], artifacts: [out]}
- {name: f, commands: [x], depends-on: [e]}
`);
  assert.equal(
    errorsOf(() => checkWorkflows(workflows, variablesOf(null))).map((error) => error.replace(/^[^:]*:/, '')),
    [
      '2:25: there is no variable `x`; expected one of run_name, job_id, variables_as_args',
      '3:41: workflows depend on one another in a circle: b → c → b',
      '4:41: `c` depends on `b`',
      "3:54: `soon` can't be a timeout; a duration with its unit, such as `90s` or `2h`, of at most 24d, is expected",
      '7:41: `f` gets overlapping artifacts of `e` and `d-1`: `out` contains `out/d-1`',
    ],
  );
});

const axis = `[${Array.from({ length: 4000 }, (_, i) => i).join(', ')}]`;
const large = (more: string) => `workflows:
- {name: a, matrix: {n: ${axis}}, commands: [x]}
- {name: b, matrix: {n: ${axis}}, commands: [x]}
- {name: c, matrix: {n: ${axis}}, commands: [x]}
${more}`;

test('workflows may have more jobs together than one run may have', () => {
  const planned = checkWorkflows(workflowsOf(large('')), variablesOf(null));
  assert.is(planned.length, 3);
  assert.equal(
    errorsOf(() =>
      checkWorkflows(
        workflowsOf(large('- {name: all, commands: [x], depends-on: [a, b, c]}')),
        variablesOf(null),
      ),
    ),
    ['.dstack/workflows.yaml:5:10: with all that it depends on, this has more than 10000 jobs'],
  );
});

test('files that are too large together are refused', () => {
  const many = Array.from({ length: 5 }, (_, i) =>
    file(`workflows/${i}.yaml`, `workflows: [{name: a${i}, commands: [x]}]\n#${'x'.repeat(250_000)}`),
  );
  assert.match(
    errorsOf(() => readProject(many, null))[0]!,
    '.dstack/workflows/4.yaml:1:1: with this file, all together are larger than 1048576 characters',
  );
});

test.run();
