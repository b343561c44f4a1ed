import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, jobSpecSchema } from '../../src/language/job-spec.ts';
import { placeholderRunName } from '../../src/language/workflow-scope.ts';
import { failureOf, jobOf, placesOf, planOf } from './language-fixture.ts';

const trainOf = (...lines: string[]) =>
  ['workflows:', '- name: train', '  commands: [x]', ...lines.map((line) => `  ${line}`)].join('\n');

test('`strict: false` lets a job see more files than it depends on', () => {
  const filesOf = (repo: string) => jobOf(trainOf(`depends-on: {repo: {${repo}}}`)).files;
  assert.equal(filesOf('include: [a], strict: false'), { include: ['a'], exclude: [], strict: false });
  assert.equal(filesOf('include: [a], strict: true'), filesOf('include: [a]'));
  assert.equal(
    placesOf(() => filesOf('strict: maybe')),
    ['4:31: `strict` of `repo` of `depends-on` is `true` or `false`, but here is `maybe`'],
  );
});

test('a workflow becomes a whole job', () => {
  const jobs = planOf(
    `workflows:
- name: prep
  image: python:3.12-slim
  commands: ['python prep.py --rows $rows']
  depends-on: {repo: {include: [prep.py, data/]}}
  artifacts: [./data/clean/]
- name: train
  commands: ['echo $x']
  depends-on: [prep]
  env: ['B=\${{ lr }}!', ROWS=mine]
  working_dir: ./src/
  artifacts: [out/$run_name]
- name: other
  commands: ['\${{ wrong }}']
`,
    'variables: {global: {rows: 10}, train: {lr: 0.1}}',
  );
  assert.equal(jobs, [
    {
      name: 'prep',
      workflow: 'prep',
      image: 'python:3.12-slim',
      commands: ['python prep.py --rows 10'],
      env: { ROWS: '10' },
      secrets: [],
      workingDir: '.',
      artifacts: ['data/clean'],
      variables: { rows: '10' },
      dependsOn: [],
      files: { include: ['prep.py', 'data/**'], exclude: [], strict: true },
      ...defaultRequirements,
    },
    {
      name: 'train',
      workflow: 'train',
      image: null,
      commands: ['echo $x'],
      env: { ROWS: 'mine', LR: '0.1', B: '0.1!' },
      secrets: [],
      workingDir: 'src',
      artifacts: ['out/brave-otter-7k2m'],
      variables: { rows: '10', lr: '0.1' },
      dependsOn: [{ run: null, job: 'prep' }],
      files: null,
      ...defaultRequirements,
    },
  ]);
  for (const job of jobs) assert.equal(jobSpecSchema.parse(job), job);
});

test('what a job depends on comes before it, each once', () => {
  const jobs = planOf(`workflows:
- {name: train, commands: [x], depends-on: [c, b]}
- {name: b, commands: [x], depends-on: [a, a]}
- {name: c, commands: [x], depends-on: {workflows: [b]}}
- {name: a, commands: [x]}
- {name: unrelated, commands: [x]}
`);
  assert.equal(
    jobs.map(({ name }) => name),
    ['a', 'b', 'c', 'train'],
  );
  assert.equal(jobs[1]?.dependsOn, [{ run: null, job: 'a' }]);
});

test('a chain of many workflows needs no deep stack', () => {
  const chain = (length: number) =>
    Array.from(
      { length },
      (_, i) => `- {name: a${i}, commands: [x]${i > 0 ? `, depends-on: [a${i - 1}]` : ''}}`,
    );
  const text = ['workflows:', ...chain(4000)].join('\n');
  assert.is(planOf(text, null, { workflow: 'a3999' }).length, 4000);
});

test('a circle is shown with all of its places', () => {
  const errors = placesOf(() =>
    planOf(`workflows:
- {name: train, commands: [x], depends-on: [a]}
- {name: a, commands: [x], depends-on: [b]}
- {name: b, commands: [x], depends-on: [a]}
`),
  );
  assert.equal(errors, [
    '3:41: workflows depend on one another in a circle: a → b → a',
    '4:41: `b` depends on `a`',
  ]);
  assert.equal(
    placesOf(() => planOf(trainOf('depends-on: [train]'))),
    ['4:16: `train` depends on itself'],
  );
});

test('an unknown dependency is answered with the nearest workflow', () => {
  assert.equal(
    placesOf(() => planOf(trainOf('depends-on: [trian]'))),
    ['4:16: there is no workflow `trian`; did you mean `train`?'],
  );
});

test('a dependency that is like no workflow is answered with all of them', () => {
  assert.equal(
    placesOf(() => planOf(trainOf('depends-on: [preprocess]'))),
    ['4:16: there is no workflow `preprocess`; expected train'],
  );
});

test('an unknown workflow is wrong usage, and answered with what there is', () => {
  const error = failureOf(() => planOf(trainOf(), null, { workflow: 'trian' }));
  assert.is(error.code, 'unknown-workflow');
  assert.is(error.exitCode, 2);
  assert.match(error.message, 'did you mean `train`?');
  assert.match(error.hint!, 'train');
});

test('variables of a workflow that there is not are an error', () => {
  assert.equal(
    placesOf(() => planOf(trainOf(), 'variables: {trian: {a: 1}}')),
    ['1:13: there is no workflow `trian` that could have variables; did you mean `train`?'],
  );
});

const two = `workflows:
- {name: prep, commands: ['$rows $lr']}
- {name: train, commands: ['$rows $lr'], depends-on: [prep]}
`;

test('the own variable wins over the global one, and the command line over both, in dependencies too', () => {
  const variables = 'variables: {global: {rows: 1, lr: 2}, train: {lr: 3}}';
  const commands = (overrides: Record<string, string>) =>
    planOf(two, variables, { overrides }).map((job) => job.commands[0]);
  assert.equal(commands({}), ['1 2', '1 3']);
  assert.equal(commands({ rows: '9' }), ['9 2', '9 3']);
  assert.equal(commands({ lr: '8' }), ['1 8', '1 8']);
});

test('a variable that only a dependency has can be overridden', () => {
  const jobs = planOf(two, 'variables: {prep: {rows: 1}}', { overrides: { rows: '9' } });
  assert.equal(
    jobs.map((job) => job.variables),
    [{ rows: '9' }, {}],
  );
});

test('hyphen and underscore are the same on the command line', () => {
  const variables = 'variables: {train: {learning_rate: 1, batch-size: 2}}';
  const overrides = { 'learning-rate': '8', batch_size: '9' };
  assert.equal(jobOf(trainOf(), variables, { overrides }).env, { LEARNING_RATE: '8', BATCH_SIZE: '9' });
  assert.equal(placesOf(() => planOf(trainOf(), 'variables: {global: {a-b: 1}, train: {a_b: 1}}')).length, 2);
  assert.match(
    placesOf(() => planOf(trainOf(), 'variables: {train: {lr: 1, LR: 1}}'))[0]!,
    "`LR` and `lr` are the same in the job's environment (LR)",
  );
});

test('an unknown variable on the command line is answered with those there are', () => {
  const error = failureOf(() =>
    planOf(two, 'variables: {prep: {learning_rate: 1}}', { overrides: { 'learning-rat': '1' } }),
  );
  assert.is(error.code, 'unknown-variable');
  assert.is(error.exitCode, 2);
  assert.match(error.message, 'did you mean `--learning-rate`?');
  assert.match(error.hint!, '--learning-rate');
  const none = failureOf(() => planOf(trainOf(), null, { overrides: { constructor: '1' } }));
  assert.match(none.hint!, '.dstack/variables.yaml');
});

test('depends-on.variables leaves out all others', () => {
  const variables = 'variables: {global: {a: "${{ b }}", b: 1, c: 2}}';
  const text = trainOf('depends-on: {variables: [a]}');
  const job = jobOf(text, variables);
  assert.equal(job.variables, { a: '1' });
  assert.equal(job.env, { A: '1' });
  // What a listed variable refers to still has an effect, what nobody refers to has none.
  assert.equal(jobOf(text, variables, { overrides: { b: '7' } }).variables, { a: '7' });
  assert.is(failureOf(() => jobOf(text, variables, { overrides: { c: '7' } })).code, 'unknown-variable');
  for (const use of ['$c', '${{ c }}']) {
    const errors = placesOf(() => jobOf(text.replace('[x]', `['${use}']`), variables));
    assert.match(errors[0]!, '`c` is not among the variables that this workflow depends on');
  }
  assert.match(
    placesOf(() => jobOf(trainOf('depends-on: {variables: [aa]}'), 'variables: {train: {aa1: 1}}'))[0]!,
    '4:28: there is no variable `aa` for `train`',
  );
});

test('env passes on what is set, and refuses what is not or looks like a secret', () => {
  const environment = { WANDB_MODE: 'off', HF_TOKEN: 'hunter2', EMPTY: '' };
  const text = trainOf('env: [WANDB_MODE, EMPTY]');
  assert.equal(jobOf(text, null, { environment }).env, { WANDB_MODE: 'off', EMPTY: '' });
  const error = failureOf(() =>
    planOf(trainOf('env: [HF_TOKEN, MISSING, constructor]'), null, { environment }),
  );
  assert.match(error.message, '4:9: `HF_TOKEN` looks like a secret');
  assert.match(
    error.message,
    '4:19: `MISSING` is to be passed on from your environment, but is not set there',
  );
  assert.match(error.message, '4:28: `constructor` is to be passed on');
  assert.not.match(error.message, 'hunter2');
});

test('tagged runs are looked up', () => {
  const asked: unknown[] = [];
  const resolveTag = (tag: string, workflow: string | null) => {
    asked.push([tag, workflow]);
    return tag === 'v1' ? [{ run: 'old-run', job: workflow ?? 'final' }] : [];
  };
  const job = jobOf(trainOf("depends-on: ['data:v1', ':v1', 'data:$v']"), 'variables: {train: {v: v1}}', {
    resolveTag,
  });
  assert.equal(job.dependsOn, [
    { run: 'old-run', job: 'data' },
    { run: 'old-run', job: 'final' },
  ]);
  assert.equal(asked, [
    ['v1', 'data'],
    ['v1', null],
  ]);
  assert.equal(
    placesOf(() => planOf(trainOf("depends-on: ['data:v2', 'data:V2']"), null, { resolveTag })),
    [
      '4:16: there is no run tagged `v2` with a job of `data`',
      '4:27: `V2` can\'t be the name of a tag: only lower-case letters, digits, "-", "_" and inner dots are allowed; `v2` would do',
    ],
  );
  assert.equal(
    placesOf(() => planOf(trainOf("depends-on: ['data:v2']"), null, { resolveTag })),
    ['4:16: there is no run tagged `v2` with a job of `data`'],
  );
});

test('paths are checked after variables are put in', () => {
  const errors = placesOf(() =>
    jobOf(
      trainOf("artifacts: ['out/$up']", 'working_dir: $up', "depends-on: {repo: {include: ['$up']}}"),
      'variables: {train: {up: ..}}',
    ),
  );
  assert.equal(
    errors.map((error) => error.split(':').slice(0, 3).join(':')),
    [
      "4:15: `out/..` can't be an artifact",
      "5:16: `..` can't be a working directory",
      "6:33: `..` can't be a pattern for files",
    ],
  );
});

test('overlapping artifacts of two dependencies, direct or not, are an error naming both', () => {
  const text = `workflows:
- {name: a, commands: [x], artifacts: [data]}
- {name: b, commands: [x], artifacts: [other, data/x], depends-on: [a]}
- {name: c, commands: [x], depends-on: [b]}
- {name: train, commands: [x], depends-on: [c]}
`;
  assert.equal(
    placesOf(() => planOf(text)),
    ['4:41: `c` gets overlapping artifacts of `a` and `b`: `data` contains `data/x`'],
  );
  assert.not.throws(() => planOf(text, null, { workflow: 'b' }));
});

test('images are named so that Docker cannot misunderstand them', () => {
  for (const image of ['-v', 'a b', 'a\\n']) {
    assert.match(placesOf(() => jobOf(trainOf(`image: "${image}"`)))[0]!, "can't be the name of an image");
  }
});

test('the shorthands choose image and command line', () => {
  const of = (...lines: string[]) => {
    const { image, commands } = jobOf(
      ['workflows:', '- name: train', ...lines.map((line) => `  ${line}`)].join('\n'),
      'variables: {train: {a: "x y"}}',
    );
    return [image, commands];
  };
  assert.equal(of('commands: [a]'), [null, ['a']]);
  assert.equal(of('commands: [a]', 'provider: bash'), ['python:3.12-slim', ['a']]);
  assert.equal(of('commands: [a]', 'provider: bash', 'image: debian'), ['debian', ['a']]);
  assert.equal(of('provider: python', 'file: train.py'), ['python:3.12-slim', ['python train.py']]);
  assert.equal(
    of('provider: python', 'file: my train.py', 'version: "3.10"', 'requirements: r.txt', "args: --a '$a'"),
    ['python:3.10-slim', ['pip install -r r.txt', "python 'my train.py' --a 'x y'"]],
  );
  assert.equal(of('provider: python', 'file: t.py', 'args: [--a, $a, "; rm", 3, ""]')[1], [
    "python t.py --a 'x y' '; rm' 3 ''",
  ]);
  assert.equal(of('provider: python', 'file: t.py', 'args: $variables_as_args')[1], [
    "python t.py --a 'x y'",
  ]);
  assert.throws(
    () => of('provider: python', 'file: t.py', 'args: [$variables_as_args]'),
    /write `args` as one text/,
  );
});

test('with the placeholder for the run name nothing depends on the run', () => {
  const text = trainOf('artifacts: [out/$run_name]', 'image: "me/x:${{ run_name }}"', 'env: {ID: $job_id}');
  const job = jobOf(text, null, { runName: placeholderRunName });
  assert.equal(job.artifacts, ['out/‹run_name›']);
  assert.is(job.image, 'me/x:‹run_name›');
  assert.is(job.env.ID, '‹job_id›');
});

test.run();
