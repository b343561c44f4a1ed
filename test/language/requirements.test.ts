import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec, jobSpecSchema } from '../../src/language/job-spec.ts';
import { jobOf, placesOf } from './language-fixture.ts';

const textOf = (lines: string[]) =>
  ['workflows:', '- name: train', '  commands: [x]', ...lines.map((line) => `  ${line}`)].join('\n');
const of = (...lines: string[]): JobSpec =>
  jobOf(textOf(lines), 'variables: {train: {n: 3, size: 2GB, wait: 90s, word: yes}}');
const errorsOf = (...lines: string[]) =>
  placesOf(() => jobOf(textOf(lines), 'variables: {train: {word: abc}}'));

const GB = 1024 ** 3;

test('resources are read into numbers and bytes', () => {
  const job = of(
    'resources: {cpu: 2.5, memory: 16GB, shm_size: 512 mb, gpu: {name: A100, count: 2, memory: 40GB}, interruptible: true}',
  );
  assert.equal(job.resources, {
    cpu: 2.5,
    memory: 16 * GB,
    shmSize: GB / 2,
    gpu: { name: 'A100', count: 2, memory: 40 * GB },
    interruptible: true,
  });
  assert.equal(jobSpecSchema.parse(job), job);
});

test('a GPU may be a number of them, and one is meant where none is said', () => {
  assert.equal(of('resources: {gpu: 4}').resources.gpu, { count: 4, name: null, memory: null });
  assert.equal(of('resources: {gpu: {name: H100}}').resources.gpu, { count: 1, name: 'H100', memory: null });
  assert.is(of('resources: {gpu: 0}').resources.gpu, null);
});

test('the GPU of earlier versions has its name in the key', () => {
  const v100 = { count: 1, name: 'v100', memory: null };
  assert.equal(of('resources: {"v100/gpu": 1}').resources.gpu, v100);
  assert.equal(errorsOf('resources: {"v100/gpu": 1, gpu: 1}'), [
    '4:30: `resources` has two kinds of GPU; one is possible',
    '4:15: the other one',
  ]);
});

test('variables may stand in all of them', () => {
  const job = of(
    'resources: {cpu: "${{ n }}", memory: $size, gpu: {count: $n, name: "A${{ n }}"}}',
    'timeout: ${{ wait }}',
    'retry: ${n}',
    'ports: ["808$n"]',
    'labels: {pool: x$n}',
  );
  assert.is(job.resources.cpu, 3);
  assert.is(job.resources.memory, 2 * GB);
  assert.equal(job.resources.gpu, { count: 3, name: 'A3', memory: null });
  assert.is(job.timeout, 90);
  assert.is(job.retry.limit, 3);
  assert.equal(job.ports, [8083]);
  assert.equal(job.labels, { pool: 'x3' });
});

test('a workflow that says nothing of them has the defaults', () => {
  const { resources, ports, timeout, retry, metrics, labels } = of();
  assert.equal({ resources, ports, timeout, retry, metrics, labels }, defaultRequirements);
});

test('the time between checkpoints is in seconds, and left out where there are none', () => {
  assert.is(of('artifacts: [out]', 'checkpoint: 10m').checkpoint, 600);
  assert.is(of('artifacts: [out]', 'checkpoint: ${{ wait }}').checkpoint, 90);
  assert.not('checkpoint' in of('artifacts: [out]'));
  const errors = (text: string) => errorsOf('artifacts: [out]', `checkpoint: ${text}`);
  const what = "can't be a time between checkpoints";
  assert.equal(errors('10'), [`5:15: \`10\` ${what}; ${duration}`]);
  assert.equal(errors('500ms'), [`5:15: \`500ms\` ${what}; at least 1s is expected`]);
});

test('a timeout is in seconds', () => {
  assert.is(of('timeout: 2h').timeout, 7200);
  assert.is(of('timeout: 1.5 m').timeout, 90);
  assert.is(of('timeout: 250ms').timeout, 0.25);
});

test('a number of retries leaves the reasons as they are', () => {
  assert.equal(of('retry: 5').retry, { limit: 5, on: ['runner-lost'] });
  assert.equal(of('retry: {on: [exit, timeout, exit]}').retry, { limit: 2, on: ['exit', 'timeout'] });
  assert.equal(of('retry: {limit: 0, on: [out-of-memory]}').retry, { limit: 0, on: ['out-of-memory'] });
});

test('a count of ports tells the job where they are, unless its own variables do', () => {
  const job = of('ports: 2', 'env: {PORT_1: mine}');
  assert.equal(job.ports, [3000, 3001]);
  assert.is(job.env.PORT_0, '3000');
  assert.is(job.env.PORT_1, 'mine');
  const listed = of('ports: [8080, 6006]');
  assert.equal(listed.ports, [8080, 6006]);
  assert.not('PORT_0' in listed.env);
});

test('labels keep the way they are written', () => {
  assert.equal(of('labels: {gpu: 3.10, spot: no, "example.org/zone": ""}').labels, {
    gpu: '3.10',
    spot: 'no',
    'example.org/zone': '',
  });
});

const size = 'a size with its unit, such as `512MB` or `16GB`, of at most 1024TB, is expected';
const duration = 'a duration with its unit, such as `90s` or `2h`, of at most 24d, is expected';
const cpus = 'a number of CPUs, such as `4` or `0.5`, of at most 10000, is expected';
const mistakes: [line: string, ...errors: string[]][] = [
  ['resources: [1]', '4:14: `resources` is a map, `key: value`, but here is a list'],
  [
    'resources: {gpu: A100}',
    "4:20: `A100` can't be a number of GPUs; a whole number from 0 to 1000 is expected; a kind of GPU is written `{name: A100}`",
  ],
  ['resources: {ram: 4GB}', '4:15: unknown key `ram` in `resources`; did you mean `memory`?'],
  ['gpu: 1', '4:3: unknown key `gpu` in a workflow; `gpu` belongs under `resources`: `resources: {gpu: 1}`'],
  ['resources: {cpus: 1}', '4:15: unknown key `cpus` in `resources`; did you mean `cpu`?'],
  ['resources: {cpu: -1}', `4:20: \`-1\` can't be a number of CPUs; ${cpus}`],
  ['resources: {cpu: 1e9}', `4:20: \`1e9\` can't be a number of CPUs; ${cpus}`],
  ['resources: {cpu: 0x10}', `4:20: \`0x10\` can't be a number of CPUs; ${cpus}`],
  ['resources: {cpu: .inf}', `4:20: \`.inf\` can't be a number of CPUs; ${cpus}`],
  ['resources: {cpu: 99999}', `4:20: \`99999\` can't be a number of CPUs; ${cpus}`],
  ['resources: {cpu: }', '4:15: `cpu` of `resources` has no value; empty text is written `""`'],
  ['resources: {memory: 16}', `4:23: \`16\` can't be a size of memory; ${size}`],
  ['resources: {memory: 16GiB}', `4:23: \`16GiB\` can't be a size of memory; ${size}`],
  ['resources: {memory: 0GB}', `4:23: \`0GB\` can't be a size of memory; ${size}`],
  ['resources: {shm_size: 9999999TB}', `4:25: \`9999999TB\` can't be a size of shared memory; ${size}`],
  ['resources: {gpu: {nam: A100}}', '4:21: unknown key `nam` in `gpu` of `resources`; did you mean `name`?'],
  [
    'resources: {gpu: 1.5}',
    "4:20: `1.5` can't be a number of GPUs; a whole number from 0 to 1000 is expected",
  ],
  ['resources: {interruptible: maybe}', "4:30: `maybe` can't be an answer; `true` or `false` is expected"],
  ['timeout: 60', `4:12: \`60\` can't be a timeout; ${duration}`],
  ['timeout: 0s', `4:12: \`0s\` can't be a timeout; ${duration}`],
  ['timeout: 25d', `4:12: \`25d\` can't be a timeout; ${duration}`],
  ['timeout: $word', `4:12: \`abc\` can't be a timeout; ${duration}`],
  ['checkpoint: 10m', '4:15: `train` has no `artifacts`, so there is nothing to save'],
  ['retry: -1', "4:10: `-1` can't be a number of retries; a whole number from 0 to 100 is expected"],
  ['retry: {times: 1}', '4:11: unknown key `times` in `retry`; expected one of limit, on'],
  ['retry: {on: [exits]}', '4:16: there is no reason for another attempt `exits`; did you mean `exit`?'],
  ['ports: [70000]', "4:11: `70000` can't be a port; a whole number from 1 to 65535 is expected"],
  ['ports: [80, 80]', '4:15: the port 80 is here twice', '4:11: the first one'],
  ['ports: 101', "4:10: `101` can't be a number of ports; a whole number from 0 to 100 is expected"],
  ['ports: {a: 1}', '4:10: `ports` is a list, with `- …` for each item, but here is a map'],
  ['labels: [a]', '4:11: `labels` is a map, `key: value`, but here is a list'],
  [
    'labels: {"a b": c}',
    '4:12: `a b` can\'t be a label: letters, digits, "_", ".", "/" and "-" are allowed, at most 64',
  ],
];
for (const [line, ...errors] of mistakes) {
  test(`${line} is an error at its place`, () => assert.equal(errorsOf(line), errors));
}

test.run();
