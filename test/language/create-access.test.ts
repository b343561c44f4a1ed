import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheKey } from '../../src/language/cache-key.ts';
import { type JobSpec, jobSpecSchema } from '../../src/language/job-spec.ts';
import { jobOf, placesOf } from './language-fixture.ts';

const textOf = (lines: string[], image: string | null = 'debian:12') =>
  [
    'workflows:',
    '- name: train',
    '  commands: [x]',
    ...(image === null ? [] : [`  image: ${image}`]),
    ...lines.map((line) => `  ${line}`),
  ].join('\n');
const of = (...lines: string[]): JobSpec => jobOf(textOf(lines), 'variables: {train: {set: imagenet}}');
const errorsOf = (...lines: string[]) => placesOf(() => jobOf(textOf(lines)));

test('a job that asks for nothing has no word of it, and says the same as ever', () => {
  assert.is('access' in of(), false);
  assert.is('access' in of('mounts: []', 'capabilities: []'), false);
});

test('mounts are read-only unless they say otherwise; variables may stand in them', () => {
  const job = of(
    "mounts: ['/data/$set:/data', /scratch/:/scratch:rw, /a:/b:ro]",
    'network: host',
    'capabilities: [SYS_PTRACE, CAP_IPC_LOCK, SYS_PTRACE]',
  );
  assert.equal(job.access, {
    mounts: [
      { source: '/data/imagenet', target: '/data', readOnly: true },
      { source: '/scratch', target: '/scratch', readOnly: false },
      { source: '/a', target: '/b', readOnly: true },
    ],
    network: 'host',
    capabilities: ['IPC_LOCK', 'SYS_PTRACE'],
  });
  assert.equal(jobSpecSchema.parse(job), job);
});

test("what is mounted counts to the cache, by its name; the rest doesn't", () => {
  const keyOf = (...lines: string[]) =>
    cacheKey({ spec: { ...of(...lines), variables: {} }, filesTree: 't', dependencyKeys: [] });
  assert.is.not(keyOf('mounts: [/a:/b]'), keyOf());
  assert.is.not(keyOf('mounts: [/a:/b]'), keyOf('mounts: [/c:/b]'));
  assert.is(keyOf('mounts: [/a:/b, /c:/d:rw]'), keyOf('mounts: [/c:/d, /a:/b]'));
  assert.is(keyOf('network: host', 'capabilities: [SYS_PTRACE]'), keyOf());
});

test('a job.json that no plan of ours would make is refused', () => {
  const job = of('mounts: [/a:/b]');
  const mounted = (source: string, target: string) =>
    jobSpecSchema.safeParse({
      ...job,
      access: { ...job.access, mounts: [{ source, target, readOnly: true }] },
    }).success;
  assert.ok(mounted('/a', '/b'));
  for (const path of ['a', '/a/../b', '/a\n', '/a:ro', '//a', '/a/', '', `/${'a'.repeat(5000)}`]) {
    assert.not.ok(mounted(path, '/b'), `source ${JSON.stringify(path)}`);
    assert.not.ok(mounted('/a', path), `target ${JSON.stringify(path)}`);
  }
  for (const target of ['/', '/workflow', '/workflow/a', '/proc', '/sys/fs', '/dev/shm'])
    assert.not.ok(mounted('/a', target), target);
  const capable = (name: string) =>
    jobSpecSchema.safeParse({ ...job, access: { ...job.access, capabilities: [name] } }).success;
  assert.ok(capable('SYS_PTRACE'));
  for (const name of ['ALL', 'all', 'CAP_SYS_PTRACE', 'x']) assert.not.ok(capable(name), name);
});

const source = 'its source is a path of the machine, and';
const target = 'its target is a path in the container, and';
const mistakes: readonly [lines: string | string[], ...errors: string[]][] = [
  [
    'mounts: [/data]',
    "5:12: `/data` can't be a mount: it is written `SOURCE:TARGET`, and `:rw` behind it if the job is to write there",
  ],
  ['mounts: [data:/data]', `5:12: \`data:/data\` can't be a mount: ${source} it is not absolute`],
  [
    'mounts: [/data/../etc:/data]',
    `5:12: \`/data/../etc:/data\` can't be a mount: ${source} it contains \`.\` or \`..\``,
  ],
  ['mounts: [/data:data]', `5:12: \`/data:data\` can't be a mount: ${target} it is not absolute`],
  ['mounts: [/data:/]', `5:12: \`/data:/\` can't be a mount: ${target} it would hide the image`],
  [
    'mounts: [/data:/workflow/data]',
    `5:12: \`/data:/workflow/data\` can't be a mount: ${target} \`/workflow\` is the workspace`,
  ],
  ['mounts: [/a:/b:wr]', "5:12: `/a:/b:wr` can't be a mount: what follows the target is `ro` or `rw`"],
  ['mounts: [/a:/b, /c:/b]', '5:19: there are two mounts at `/b`', '5:12: the first one'],
  ['mounts: /a:/b', '5:11: `mounts` is a list, with `- …` for each item, but here is `/a:/b`'],
  ['network: bridge', '5:12: there is no network `bridge`; expected one of host, none'],
  [['network: none', 'ports: [80]'], '5:12: without a network its `ports` could not be reached'],
  ['capabilities: [SYS_PTRAC]', '5:18: there is no capability `SYS_PTRAC`; did you mean `SYS_PTRACE`?'],
  [
    'privileged: true',
    '5:3: unknown key `privileged` in a workflow; what it may do beyond other containers is listed under `capabilities`: `[SYS_PTRACE]`',
  ],
  [
    'volumes: [/a:/b]',
    '5:3: unknown key `volumes` in a workflow; folders of the machine that it may see are listed under `mounts`: `[/data/imagenet:/data]`',
  ],
];
for (const [lines, ...errors] of mistakes) {
  test(`${lines} is an error at its place`, () => assert.equal(errorsOf(...[lines].flat()), errors));
}

test('without an image there is no container to have it', () => {
  const errors = placesOf(() => jobOf(textOf(['network: none'], null)));
  assert.equal(errors, ['4:12: `network` is for containers, and without an `image` this is a plain process']);
});

test.run();
