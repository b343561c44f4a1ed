import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { DstackError } from '../../src/errors.ts';
import { checkWorkflows, readProject } from '../../src/language/check-workflows.ts';
import { interpolate } from '../../src/language/interpolation.ts';
import { jobSpecSchema } from '../../src/language/job-spec.ts';
import { checkArtifactPath } from '../../src/language/paths.ts';
import { shellQuote } from '../../src/language/shell-quote.ts';
import { workflowHelp } from '../../src/language/workflow-help.ts';
import { planOf, variablesOf, workflowsOf } from './language-fixture.ts';

/** Runs an action that may fail, but only as a person can act on. */
function onlyDstackErrors<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof DstackError && error.message !== '') return undefined;
    throw error;
  }
}

const words = [
  'a',
  'train',
  'global',
  '${{ a }}',
  '$a',
  '${a}',
  '${{',
  '${{ matrix.a }}',
  '1e999',
  '-1',
  '16GB',
  '2h',
  '0x10',
  '}}',
  '..',
  '/',
  '.git',
  'A=1',
  'a:v1',
  '3.10',
  'no',
  '__proto__',
  'constructor',
  '\u0000',
  '\u001b[2J',
  '&x',
  '*x',
  '<<',
];
const keys = [
  'workflows',
  'variables',
  'name',
  'help',
  'image',
  'provider',
  'commands',
  'file',
  'args',
  'depends-on',
  'deps',
  'repo',
  'include',
  'exclude',
  'artifacts',
  'path',
  'env',
  'secrets',
  'working_dir',
  'matrix',
  'exclude',
  'resources',
  'gpu',
  'v100/gpu',
  'cpu',
  'memory',
  'ports',
  'timeout',
  'retry',
  'limit',
  'on',
  'labels',
];
const word = fc.oneof(
  fc.constantFrom(...words),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(1, true, null, 'python', 'bash'),
);

test('any text is either read or answered with an error for people', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...words,
      ...keys,
      ': ',
      '- ',
      '\n',
      '\n  ',
      '\t',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '|',
      '#',
      '---\n',
      '? ',
      '!x',
    ),
    fc.string({ maxLength: 5 }),
  );
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, (text) => {
      onlyDstackErrors(() => workflowsOf(text));
      onlyDstackErrors(() => variablesOf(text));
    }),
    { numRuns: 300 },
  );
});

const structure = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    word,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...keys, ...words), tie('node'), { maxKeys: 4 }),
  ),
})).node;
/** Mostly what is sound, so that not every plan ends at its first error. */
const mostly = (sound: unknown, other: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(sound) }, { weight: 1, arbitrary: other });
const value = fc.oneof(fc.array(word, { maxLength: 3 }), structure);
const workflow = fc.record({
  name: fc.constantFrom('train', 'a', 'b'),
  commands: mostly(['x $a ${{ run_name }}'], value),
  image: mostly('python', word),
  'depends-on': mostly(['b:v1', ':v1'], fc.oneof(fc.constantFrom(['a'], ['b'], ['train']), value)),
  artifacts: mostly(['out/$run_name', './log/'], value),
  env: mostly({ A: '${{ run_name }}' }, value),
  working_dir: mostly('sub/', word),
});
const unlikely = fc.record(
  {
    provider: fc.constantFrom('bash', 'docker', 'python'),
    file: word,
    args: value,
    version: word,
    matrix: fc.oneof(
      fc.dictionary(fc.constantFrom('a', 'b', 'include', 'exclude'), value, { maxKeys: 3 }),
      fc.constantFrom({ a: [1, 2] }, { a: [1, '${{ a }}'], include: [{ b: 1 }], exclude: [{ a: 1 }] }),
    ),
    secrets: value,
    resources: fc.oneof(
      structure,
      fc.dictionary(
        fc.constantFrom('cpu', 'memory', 'shm_size', 'gpu', 'interruptible', 'v100/gpu'),
        structure,
      ),
      fc.constant({ cpu: 2, memory: '1GB', gpu: { name: '$a' } }),
    ),
    ports: fc.oneof(structure, fc.constant([80]), fc.integer()),
    timeout: fc.oneof(structure, fc.constant('2h'), fc.double()),
    retry: fc.oneof(structure, fc.constant({ limit: 1, on: ['exit'] }), fc.integer()),
    labels: fc.oneof(structure, fc.constant({ gpu: '$a' })),
  },
  { requiredKeys: [] },
);
const anyWorkflow = fc.oneof(
  { weight: 3, arbitrary: workflow },
  { weight: 1, arbitrary: fc.tuple(workflow, unlikely).map(([a, b]) => ({ ...a, ...b })) },
);
const section = fc.dictionary(fc.constantFrom('a', 'b', 'a-b', 'a_b', ...words), word, { maxKeys: 4 });

test('any structure is either planned, into jobs that keep to their schema, or answered with an error for people', () => {
  let planned = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(anyWorkflow, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
      fc.dictionary(fc.constantFrom('global', 'train', 'a'), section),
      word,
      (list, sections, override) => {
        const workflow = list[0]!.name;
        const workflows = stringify({ workflows: list });
        const variables = stringify({ variables: sections });
        onlyDstackErrors(() => workflowHelp(workflowsOf(workflows), variablesOf(variables), workflow));
        const resolveTag = () => [
          { run: 'r', job: 'j' },
          { run: 'r', job: 'k' },
        ];
        onlyDstackErrors(() => {
          const read = readProject([{ path: 'w', text: workflows }], { path: 'v', text: variables });
          checkWorkflows(read.workflows, read.variables);
        });
        const request = { workflow, overrides: { a: String(override) }, resolveTag };
        const jobs =
          onlyDstackErrors(() => planOf(workflows, variables, request)) ??
          onlyDstackErrors(() => planOf(workflows, null, { workflow, resolveTag }));
        for (const job of jobs ?? []) {
          planned++;
          assert.equal(jobSpecSchema.parse(job), job);
          for (const path of [...job.artifacts, job.workingDir]) {
            assert.not.match(path, /^\/|(^|\/)(\.\.|\.git)(\/|$)/i);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(planned > 10, `only ${planned} of them were sound`);
});

test('text without declared names is left as it is', () => {
  const scope = { get: () => undefined, hidden: () => null, names: [], spend: () => {} };
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('$', '{', '}', 'a', '\\', ' ', '${a}', '$$'), { maxLength: 20 }),
      (pieces) => {
        const text = pieces.join('');
        fc.pre(!text.includes('${{'));
        const span = { source: { path: 'a', text }, start: 0, end: text.length };
        assert.is(
          interpolate({ text, span }, scope, () => assert.unreachable()),
          text,
        );
      },
    ),
  );
});

test('a checked path is its own normal form', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '.', '..', '/', '.git', 'b.c'), { maxLength: 10 }),
      (pieces) => {
        const checked = checkArtifactPath(pieces.join(''));
        if ('path' in checked) assert.equal(checkArtifactPath(checked.path), checked);
      },
    ),
  );
});

test('a quoted word is one word for a shell', () => {
  const words = fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(words, (words) => {
      fc.pre(!words.join('').includes('\0'));
      const output = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellQuote).join(' ')}`]);
      assert.equal(output.toString().split('\0').slice(0, -1), words);
    }),
    { numRuns: 20 },
  );
});

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('$(', '`', ')', "'", '"', ';', '\n', '$HOME', '*', ' ', '\\', '&', '!'),
      fc.string(),
    ),
    {
      maxLength: 5,
    },
  )
  .map((parts) => parts.join('').replaceAll('\u0000', ''));

test('what is put into words that dstack makes reaches the program as it is, and the shell not at all', () => {
  // `python` is a function that shows its words.
  const shown = (commands: readonly string[]) => {
    const script = `pip() { :; }; python() { printf '%s\\0' "$@"; }\n${commands.join('\n')}`;
    return execFileSync('sh', ['-c', script]).toString().split('\0').slice(0, -1);
  };
  fc.assert(
    fc.property(hostile, hostile, hostile, (own, fromMatrix, fromLine) => {
      fc.pre(fromLine.trim() !== '' && !/\$\{\{|[$]/.test(own + fromMatrix));
      const workflows = {
        name: 'train',
        provider: 'python',
        file: 't-${{ line }}.py',
        args: ['--x', 'a${{ own }}b', '${{ matrix.m }}'],
        requirements: 'r-${{ own }}.txt',
        matrix: { m: [fromMatrix] },
      };
      const other = { ...workflows, name: 'all', args: '$variables_as_args' };
      const variables = stringify({ variables: { global: { own, line: 'x' } } });
      const text = stringify({ workflows: [workflows, other] });
      const commandsOf = (workflow: string) =>
        planOf(text, variables, { workflow, overrides: { line: fromLine } })[0]!.commands;
      assert.equal(shown(commandsOf('train')), [`t-${fromLine}.py`, '--x', `a${own}b`, fromMatrix]);
      assert.equal(shown(commandsOf('all')), [`t-${fromLine}.py`, '--own', own, '--line', fromLine]);
    }),
    { numRuns: 40 },
  );
});

test.run();
