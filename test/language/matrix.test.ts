import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheKey } from '../../src/language/cache-key.ts';
import { jobSpecSchema } from '../../src/language/job-spec.ts';
import { failureOf, placesOf, planOf } from './language-fixture.ts';

const textOf = (matrix: string, ...lines: string[]) =>
  ['workflows:', '- name: train', `  matrix: ${matrix}`, ...lines.map((line) => `  ${line}`)].join('\n');
const echo = (...names: string[]) =>
  `commands: ['${names.map((name) => `\${{ matrix.${name} }}`).join(' ')}']`;
/** What the cells of a matrix put into their command. */
const cellsOf = (matrix: string, ...names: string[]) =>
  planOf(textOf(matrix, echo(...names))).map(({ commands }) => commands[0]);
const errorsOf = (matrix: string, ...lines: string[]) =>
  placesOf(() => planOf(textOf(matrix, ...(lines.length > 0 ? lines : ['commands: [x]']))));

test('there is a job for each combination, the first list varying slowest', () => {
  const jobs = planOf(
    textOf(
      '{seed: [1, 2], lr: [0.10, 0.01]}',
      'commands: ["x ${{ matrix.seed }} ${{matrix.lr}} ${{ job_id }}"]',
    ),
  );
  assert.equal(
    jobs.map(({ name, workflow, commands }) => [name, workflow, commands[0]]),
    [
      ['train-1', 'train', 'x 1 0.10 brave-otter-7k2m/train-1'],
      ['train-2', 'train', 'x 1 0.01 brave-otter-7k2m/train-2'],
      ['train-3', 'train', 'x 2 0.10 brave-otter-7k2m/train-3'],
      ['train-4', 'train', 'x 2 0.01 brave-otter-7k2m/train-4'],
    ],
  );
  assert.equal(jobs[1]?.variables, { 'matrix.seed': '1', 'matrix.lr': '0.01' });
  for (const job of jobs) assert.equal(jobSpecSchema.parse(job), job);
});

test('exclude leaves out every combination that it matches', () => {
  assert.equal(cellsOf('{a: [1, 2], b: [x, y], exclude: [{a: 1, b: y}]}', 'a', 'b'), ['1 x', '2 x', '2 y']);
  assert.equal(cellsOf('{a: [1, 2], b: [x, y], exclude: [{b: y}]}', 'a', 'b'), ['1 x', '2 x']);
});

test('include follows the rules of GitHub Actions', () => {
  // Cases of each rule: added to all, to those that fit, replacing what was added, and what fits nowhere.
  const cells = cellsOf(
    `{size: [s, l], colour: [red, blue], include: [
      {kind: plain}, {colour: red, kind: warm}, {size: s, note: little}, {size: xl}, {size: xl, kind: big}]}`,
    ...['size', 'colour', 'kind', 'note'],
  );
  assert.equal(cells, [
    's red warm little',
    's blue plain little',
    'l red warm ',
    'l blue plain ',
    'xl   ',
    'xl  big ',
  ]);
});

test('include alone is a list of cells, and what is excluded can be included again', () => {
  assert.equal(cellsOf('{include: [{a: 1}, {a: 2, b: x}]}', 'a', 'b'), ['1 ', '2 x']);
  assert.equal(cellsOf('{a: [1, 2], exclude: [{a: 1}], include: [{a: 1}]}', 'a'), ['2', '1']);
});

test('values may hold variables, and are compared as they are then', () => {
  const jobs = planOf(
    textOf('{a: [$x, 2], exclude: [{a: "${{ y }}"}]}', echo('a')),
    'variables: {train: {x: 1, y: 1}}',
    { overrides: { x: '7' } },
  );
  assert.equal(
    jobs.map(({ commands }) => commands[0]),
    ['7', '2'],
  );
});

test('the values may stand wherever variables may, in the defaults of variables too', () => {
  const [job] = planOf(
    textOf(
      '{n: [3]}',
      ...['commands: [x]', 'image: "py:3.1${{ matrix.n }}"', 'artifacts: ["out/${{ matrix.n }}"]'],
      ...['env: {N: "${{ matrix.n }}"}', 'resources: {cpu: "${{ matrix.n }}"}', 'timeout: ${{ matrix.n }}h'],
      ...['depends-on: {repo: {include: ["data/${{ matrix.n }}"]}}', 'working_dir: d${{ matrix.n }}'],
    ),
    'variables: {train: {twice: "${{ matrix.n }}${{ matrix.n }}"}}',
  );
  assert.is(job?.image, 'py:3.13');
  assert.equal(job?.artifacts, ['out/3']);
  assert.equal(job?.env, { N: '3', TWICE: '33' });
  assert.is(job?.resources.cpu, 3);
  assert.is(job?.timeout, 3 * 3600);
  assert.equal(job?.files?.include, ['data/3']);
  assert.is(job?.workingDir, 'd3');
});

const pipeline = (artifact: string, more = '') => `workflows:
- {name: grid, matrix: {n: [1, 2]}, commands: [x], artifacts: ['${artifact}']}
- {name: best, commands: [x], depends-on: [grid]${more}}
- {name: train, commands: [x], depends-on: [best]}
`;

test('who depends on a matrix depends on all its cells', () => {
  const jobs = planOf(pipeline('out/${{ matrix.n }}'));
  assert.equal(
    jobs.map(({ name }) => name),
    ['grid-1', 'grid-2', 'best', 'train'],
  );
  assert.equal(jobs[2]?.dependsOn, [
    { run: null, job: 'grid-1' },
    { run: null, job: 'grid-2' },
  ]);
});

test('where the artifacts of the cells would collide, each gets a folder of its own', () => {
  assert.equal(planOf(pipeline('out'))[2]?.dependsOn, [
    { run: null, job: 'grid-1', ownFolder: true },
    { run: null, job: 'grid-2', ownFolder: true },
  ]);
  // One within the other collides, too; a single cell does not.
  const nested = planOf(pipeline('out').replace("['out']", "['out${{ matrix.n }}', 'out2/x']"));
  assert.is(nested[2]?.dependsOn[0]?.ownFolder, true);
  const single = planOf(pipeline('out').replace('[1, 2]', '[1]'));
  assert.equal(single[1]?.dependsOn, [{ run: null, job: 'grid-1' }]);
});

test('those folders may collide with what others have left', () => {
  const others = (path: string) => `workflows:
- {name: grid, matrix: {n: [1, 2]}, commands: [x], artifacts: [out]}
- {name: other, commands: [x], artifacts: ['${path}']}
- {name: train, commands: [x], depends-on: [grid, other]}
`;
  assert.not.throws(() => planOf(others('out/other')));
  assert.equal(
    placesOf(() => planOf(others('out'))),
    ['4:45: `train` gets overlapping artifacts of `other` and `grid-1`: `out` contains `out/grid-1`'],
  );
  assert.match(placesOf(() => planOf(others('out/grid-2/x')))[0]!, '`out/grid-2` contains `out/grid-2/x`');
});

test('each cell may depend on something of its own', () => {
  const text = `workflows:
- {name: data-en, commands: [x], artifacts: [data]}
- {name: data-de, commands: [x], artifacts: [data]}
- {name: train, matrix: {lang: [de, en]}, commands: [x], depends-on: ['data-\${{ matrix.lang }}']}
- {name: both, commands: [x], depends-on: [train]}
`;
  assert.equal(
    planOf(text).map(({ name, dependsOn }) => [name, ...dependsOn.map(({ job }) => job)]),
    [['data-de'], ['data-en'], ['train-1', 'data-de'], ['train-2', 'data-en']],
  );
  assert.match(
    placesOf(() => planOf(text, null, { workflow: 'both' }))[0]!,
    '`both` gets overlapping artifacts of `data-de` and `data-en`: both have `data`',
  );
  assert.match(
    placesOf(() => planOf(text.replace('[de, en]', '[de, fr]')))[0]!,
    '4:71: there is no workflow `data-fr`',
  );
});

test('the cells of a tagged run are always told apart', () => {
  const resolveTag = () => ['grid-1', 'grid-2'].map((job) => ({ run: 'old', job }));
  const [job] = planOf(textOf('{n: [1]}', 'commands: [x]', 'depends-on: ["grid:best"]'), null, {
    resolveTag,
  });
  assert.equal(job?.dependsOn, [
    { run: 'old', job: 'grid-1', ownFolder: true },
    { run: 'old', job: 'grid-2', ownFolder: true },
  ]);
});

test('cells have keys of their own, even if they do the same', () => {
  const keys = planOf(textOf('{repeat: [1, 2]}', 'commands: [x]')).map((spec) =>
    cacheKey({ spec, filesTree: 't', dependencyKeys: [] }),
  );
  assert.is(new Set(keys).size, 2);
});

const taken = `workflows:
- {name: train, matrix: {n: [1, 2]}, commands: [x]}
- {name: train-2, commands: [x]}
`;

test('a cell cannot have the name of a workflow', () => {
  assert.equal(
    placesOf(() => planOf(taken)),
    ['2:17: a cell of `train` is named `train-2`, and so is a workflow', '3:10: this workflow'],
  );
  const long = 'a'.repeat(63);
  assert.match(
    placesOf(() =>
      planOf(textOf('{n: [1]}', 'commands: [x]').replace('train', long), null, { workflow: long }),
    )[0]!,
    "can't be the name of a cell: it has more than 64 characters",
  );
});

const mistakes: [matrix: string, error: string][] = [
  ['[1]', '3:11: `matrix` is a map, `key: value`, but here is a list'],
  ['{}', '3:11: `matrix` is empty; a list for each name is expected'],
  ['{a: 1}', '3:15: `a` of `matrix` is a list, with `- …` for each item, but here is `1`'],
  ['{a: []}', '3:15: `a` of `matrix` is empty, so nothing would be run'],
  ['{a: [[1]]}', '3:16: an item of `a` of `matrix` is a value, but here is a list'],
  [
    '{a b: [1]}',
    '3:12: `a b` can\'t be a name in `matrix`: letters, digits, "-" and "_" are allowed, at most 64, and it begins with a letter',
  ],
  ['{include: {a: 1}}', '3:21: `include` of `matrix` is a list, with `- …` for each item, but here is a map'],
  ['{include: [{}]}', '3:22: an item of `include` of `matrix` is empty'],
  [
    '{seed: [1], exclude: [{sed: 1}]}',
    '3:34: what is excluded has no list in the matrix; did you mean `seed`?',
  ],
  ['{a: [1], exclude: [{a: 1}]}', '3:3: the matrix has no cells: everything is excluded'],
  [
    '{a: ["${{ matrix.b }}"], b: [1]}',
    "3:17: `matrix.b` can't be a part of the matrix: there are no jobs before its values are known",
  ],
  [
    '{a: ["${{ job_id }}"]}',
    "3:17: `job_id` can't be a part of the matrix: there are no jobs before its values are known",
  ],
];
for (const [matrix, error] of mistakes) {
  test(`matrix: ${matrix} is an error at its place`, () => assert.equal(errorsOf(matrix), [error]));
}

test('an unknown value of the matrix is answered with the nearest one, once for all cells', () => {
  assert.equal(errorsOf('{seed: [1, 2, 3]}', 'commands: ["${{ matrix.sed }}"]'), [
    '4:15: there is no variable `matrix.sed`; did you mean `matrix.seed`?',
  ]);
});

test('a broken matrix leaves the rest of the file to be checked', () => {
  const errors = placesOf(() => planOf(textOf('{a: 1}', 'commands: [x]', 'artifacts: [..]')));
  assert.is(errors.length, 1);
});

const axis = (count: number) => `[${Array.from({ length: count }, (_, i) => i).join(', ')}]`;

test('10000 cells are planned, more are refused before they are made', () => {
  const grid = `{a: ${axis(100)}, b: ${axis(100)}}`;
  const jobs = planOf(`${textOf(grid, echo('a', 'b'))}
- {name: all, commands: [x], depends-on: [train]}`);
  assert.is(jobs.length, 10_000);
  assert.is(jobs.at(-1)?.commands[0], '99 99');
  const huge = `{${'abcdefghij'.split('').map((name) => `${name}: ${axis(1000)}`)}}`;
  assert.equal(errorsOf(huge), ['3:3: the matrix has more than 10000 cells']);
  assert.match(
    placesOf(() =>
      planOf(`${textOf(grid, 'commands: [x]', 'depends-on: [one]')}\n- {name: one, commands: [x]}`),
    )[0]!,
    'with this workflow there are more than 10000 jobs',
  );
});

test('matrices that multiply are refused, too', () => {
  const text = `workflows:
- {name: one, matrix: {a: ${axis(2000)}}, commands: [x]}
- {name: train, matrix: {a: ${axis(2000)}}, commands: [x], depends-on: [one]}
`;
  assert.is(failureOf(() => planOf(text)).code, 'plan-too-large');
  const items = Array(5000).fill('{a: 1}').join(', ');
  assert.match(
    errorsOf(`{a: ${axis(5000)}, exclude: [${items}]}`)[0]!,
    '`include` and `exclude` have too many items',
  );
});

test.run();
