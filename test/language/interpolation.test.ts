import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobOf, placesOf } from './language-fixture.ts';

const variables = `variables:
  global: {rows: 1000, note: "it's $rows", batch-size: '\${{ rows }}'}
  train: {lr: 0.10}
`;

/** What becomes of a command. */
function commandOf(command: string): string {
  return jobOf(`workflows:\n- name: train\n  commands:\n  - ${JSON.stringify(command)}\n`, variables)
    .commands[0]!;
}

const replaced: [written: string, meant: string][] = [
  ['${{ rows }} ${{lr}}', '1000 0.10'],
  ['$rows ${rows} $rows-x ${lr}', '1000 1000 1000-x 0.10'],
  ['$HOME ${HOME} ${HOME:-x} $1 $? $(x) $((1)) $', '$HOME ${HOME} ${HOME:-x} $1 $? $(x) $((1)) $'],
  ['$rows_2 ${rows:-1}', '$rows_2 ${rows:-1}'],
  ['\\$rows \\\\$rows $$rows $${{ rows }}', '\\$rows \\\\1000 $$rows $1000'],
  ['${{ batch-size }} ${batch-size} $batch-size', '1000 1000 $batch-size'],
  ['$run_name ${{ run_name }} $job_id', 'brave-otter-7k2m brave-otter-7k2m brave-otter-7k2m/train'],
  ['x $variables_as_args', "x --rows 1000 --note 'it'\\''s 1000' --batch-size 1000 --lr 0.10"],
];

for (const [written, meant] of replaced) {
  test(`${written} is ${meant}`, () => assert.is(commandOf(written), meant));
}

test('what was put in is not looked at again', () => {
  const job = jobOf('workflows: [{name: train, commands: ["$a"]}]', 'variables: {global: {a: x}}', {
    overrides: { a: '$a ${{ a }} ${{ secrets.X }}' },
  });
  assert.is(job.commands[0], '$a ${{ a }} ${{ secrets.X }}');
});

test('every error points at its own ${{', () => {
  const errors = placesOf(() =>
    jobOf(
      `workflows:
- name: train
  image: 'x:\${{ row }}'
  commands:
  - echo \${{ rows }} \${{ lrr }}
  - |
    first
      \${{ rwos }} and \${{ a + b }} \${{ }}
  - "\\t\${{ secrets.X }} \${{ matrix.seed }} \${{ rows"
  - >-
    folded
    \${{ ROW }}
  env: {A: '\${{ learning }}'}
  artifacts: ['\${{ lrr }}']
`,
      variables,
    ),
  );
  assert.equal(errors, [
    '3:13: there is no variable `row`; did you mean `rows`?',
    '5:22: there is no variable `lrr`; did you mean `lr`?',
    '8:7: there is no variable `rwos`; did you mean `rows`?',
    "8:23: between `${{` and `}}` a variable's name is expected, but here is `a + b`",
    "8:36: between `${{` and `}}` a variable's name is expected, but here is nothing",
    "9:8: a secret can't be put into a text, which everybody may read; list `X` under `secrets`, and the job has it as `$X` in its environment",
    '9:25: `matrix.seed` is not known here: `train` has no `matrix`',
    "9:44: after `${{` a variable's name and `}}` are expected",
    '12:5: there is no variable `ROW`; did you mean `rows`?',
    '13:13: there is no variable `learning`; expected one of run_name, job_id, variables_as_args, rows, note, batch-size, lr',
    '14:16: there is no variable `lrr`; did you mean `lr`?',
  ]);
});

test('variables refer to variables, but not to themselves', () => {
  const text = 'workflows: [{name: train, commands: [x]}]';
  const job = jobOf(text, 'variables: {train: {a: "${{ b }}-$c", b: "<${{ c }}>", c: $run_name}}');
  assert.is(job.variables.a, '<brave-otter-7k2m>-brave-otter-7k2m');
  assert.equal(
    placesOf(() => jobOf(text, 'variables: {train: {a: "${{ b }}", b: "x${{ c }}", c: "${{ b }}"}}')),
    ['1:39: the value of a variable depends on itself: `b` → `c` → `b`'],
  );
  assert.equal(
    placesOf(() => jobOf(text, 'variables: {train: {a: x $variables_as_args}}')),
    ["1:24: `variables_as_args` contains `a`, and can't be a part of it"],
  );
});

test('an override breaks a circle, since it is taken as it is', () => {
  const job = jobOf(
    'workflows: [{name: train, commands: [x]}]',
    'variables: {train: {a: "${{ b }}", b: "${{ a }}"}}',
    {
      overrides: { a: '1' },
    },
  );
  assert.equal(job.variables, { a: '1', b: '1' });
});

test('variables that multiply are refused rather than put together', () => {
  const lines = ['variables:', '  train:', `    a0: ${'x'.repeat(100)}`];
  for (let i = 1; i < 40; i++) lines.push(`    a${i}: "${`\${{ a${i - 1} }}`.repeat(10)}"`);
  const errors = placesOf(() => jobOf('workflows: [{name: train, commands: [x]}]', lines.join('\n')));
  assert.equal(errors, ['7:9: with its variables put in, this is too long']);
  const chain = Array.from({ length: 1000 }, (_, i) => `    a${i}: "\${{ a${i + 1} }}"`);
  assert.match(
    placesOf(() =>
      jobOf(
        'workflows: [{name: train, commands: [x]}]',
        ['variables:', '  train:', ...chain, '    a1000: x'].join('\n'),
      ),
    )[0]!,
    'more than 50 variables refer to one another in a chain',
  );
});

test.run();
