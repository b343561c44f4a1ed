import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheKey } from '../../src/language/cache-key.ts';
import { type JobSpec, jobSpecSchema } from '../../src/language/job-spec.ts';
import { jobOf, placesOf } from './language-fixture.ts';

const textOf = (lines: string[]) =>
  ['workflows:', '- name: train', '  commands: [x]', ...lines.map((line) => `  ${line}`)].join('\n');
const of = (...lines: string[]): JobSpec => jobOf(textOf(lines), 'variables: {train: {py: 3.12}}');
const errorsOf = (...lines: string[]) => placesOf(() => jobOf(textOf(lines)));

test('a job that keeps nothing has no word of it', () => {
  assert.is('setupCache' in of(), false);
  assert.is('setupCache' in of('cache: []'), false);
});

test('folders are kept as a list of paths, with files as their key, or both', () => {
  const venv = { path: '.venv', key: ['requirements.txt'] };
  const pip = { path: '~/.cache/pip', key: [] };
  assert.equal(of('cache: [~/.cache/pip/, ./.venv]').setupCache, [pip, { path: '.venv', key: [] }]);
  assert.equal(of('cache: {paths: .venv, key: requirements.txt}').setupCache, [venv]);
  assert.equal(of('cache: [~/.cache/pip, {paths: [.venv], key: [./requirements.txt]}]').setupCache, [
    pip,
    venv,
  ]);
  const job = of('cache: [{paths: [".venv-$py", node_modules], key: [a.lock, a.lock, b/c.txt]}]');
  assert.equal(job.setupCache, [
    { path: '.venv-3.12', key: ['a.lock', 'b/c.txt'] },
    { path: 'node_modules', key: ['a.lock', 'b/c.txt'] },
  ]);
  assert.equal(jobSpecSchema.parse(job), job);
});

test('it is no part of the key of the result', () => {
  const keyOf = (spec: JobSpec) => cacheKey({ spec, filesTree: 't', dependencyKeys: [] });
  assert.is(keyOf(of('cache: [.venv]')), keyOf(of()));
});

test('a job.json that no plan of ours would make is refused', () => {
  const job = of('cache: [.venv]');
  const kept = (path: string, key: string[] = []) =>
    jobSpecSchema.safeParse({ ...job, setupCache: [{ path, key }] }).success;
  assert.ok(kept('.venv', ['a/b']) && kept('~/.cache/pip'));
  for (const path of [
    '',
    '.',
    '~',
    '~/',
    '~/.',
    '/a',
    '../a',
    '~/../a',
    'a/../b',
    '~root/a',
    '.git/x',
    'a\n',
    'a/',
  ])
    assert.not.ok(kept(path), JSON.stringify(path));
  for (const file of ['', '/etc/passwd', '../a', 'a/', '~/a']) assert.not.ok(kept('.venv', [file]), file);
});

const wrong = "can't be kept from job to job:";
const mistakes: readonly [line: string | string[], ...errors: string[]][] = [
  [
    'cache: [/opt/venv]',
    `4:11: \`/opt/venv\` ${wrong} it is absolute; paths are relative to the top of the repository`,
  ],
  ['cache: [../venv]', `4:11: \`../venv\` ${wrong} \`..\` would lead out of the workspace`],
  ['cache: ["~"]', `4:11: \`~\` ${wrong} it would keep the whole home; name a folder in it`],
  ['cache: ["~/../x"]', `4:11: \`~/../x\` ${wrong} \`..\` would lead out of the workspace`],
  ['cache: [.]', `4:11: \`.\` ${wrong} it would keep the whole workspace; name a folder in it`],
  ['cache: [.git/x]', `4:11: \`.git/x\` ${wrong} \`.git\` is no place for files of a job`],
  ['cache: ["*.whl"]', `4:11: \`*.whl\` ${wrong} patterns are not possible here; name a folder`],
  ['cache: [a, a/b]', '4:14: `a/b` lies in `a`, which is kept, too', '4:11: the first one'],
  ['cache: [~/a, ~/a]', '4:16: `~/a` is here twice', '4:11: the first one'],
  [
    ['cache: [out/tmp]', 'artifacts: [out]'],
    '4:11: `out/tmp` overlaps with the artifact `out`: a result is not kept on one machine',
  ],
  [
    ['cache: [out]', 'artifacts: [out/a]'],
    '4:11: `out` overlaps with the artifact `out/a`: a result is not kept on one machine',
  ],
  [['cache: [out]', 'artifacts: [out]'], '4:11: `out` is an artifact: a result is not kept on one machine'],
  ['cache: {key: [a]}', '4:10: `cache` has no `paths`'],
  ['cache: {paths: []}', '4:18: `paths` of `cache` is empty'],
  [
    'cache: {path: .venv}',
    '4:10: `cache` has no `paths`',
    '4:11: unknown key `path` in `cache`; did you mean `paths`?',
  ],
  [
    'cache: {paths: .venv, key: "*.txt"}',
    "4:30: `*.txt` can't be a file of a key: patterns are not possible here; name a file",
  ],
  [
    'cache: false',
    '4:10: `cache` is a list of folders that runners keep from job to job, or a map of `paths` and `key`, but here is `false`',
  ],
];
for (const [lines, ...errors] of mistakes) {
  test(`${lines} is an error at its place`, () => assert.equal(errorsOf(...[lines].flat()), errors));
}

test('there is an end to what can be kept', () => {
  const paths = Array.from({ length: 60 }, (_, i) => `p${i}`);
  assert.equal(errorsOf(`cache: [${paths}]`), ['4:11: `cache` has more than 50 paths']);
});

test.run();
