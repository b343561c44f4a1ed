import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';
import { type Allotment, allot, shareOf } from '../../src/ledger/allotments.ts';

const gb = 2 ** 30;
const gpu = (id: string, name: string, size: number) => ({ id, index: Number(id), name, memory: size * gb });
const stock = {
  cpu: 4,
  memory: 16 * gb,
  gpus: [gpu('0', 'NVIDIA A100', 40), gpu('1', 'Tesla T4', 15), gpu('2', 'Tesla T4', 15)],
};
const spec = (resources: Partial<JobSpec['resources']>) => ({
  resources: { ...defaultRequirements.resources, ...resources },
});
const ask = (taken: Allotment[], resources: Partial<JobSpec['resources']>) => {
  const given = allot(stock, taken, spec(resources));
  return 'lacking' in given ? given.lacking : given;
};
const ids = (taken: Allotment[], resources: Partial<JobSpec['resources']>) => {
  const given = ask(taken, resources);
  return typeof given === 'string' ? given : given.gpus.map(({ id }) => id);
};

test('what running jobs have asked for stays within the machine', () => {
  const one = ask([], { cpu: 2.5, memory: 10 * gb }) as Allotment;
  assert.equal([one.cpu, one.memory], [2.5, 10 * gb]);
  assert.is(ask([one], { cpu: 2 }), 'needs 2 CPUs, of which 1.5 are free');
  assert.is(ask([one], { memory: 8 * gb }), 'needs 8GB of memory, of which 6GB are free');
  assert.equal(ask([one], { cpu: 1.5, memory: 6 * gb }), { cpu: 1.5, memory: 6 * gb, gpus: [] });
});

test('a job that asks for nothing runs beside anything', () => {
  const all = ask([], { cpu: 4, memory: 16 * gb }) as Allotment;
  assert.equal(ask([all], {}), { cpu: 0, memory: 0, gpus: [] });
});

test("a GPU is one job's, and the least that will do is given", () => {
  assert.equal(ids([], { gpu: { count: 1, name: null, memory: null } }), ['1']);
  const first = ask([], { gpu: { count: 1, name: 't4', memory: 16 * gb } }) as Allotment;
  assert.equal(
    first.gpus.map(({ id }) => id),
    ['1'],
  );
  assert.equal(ids([first], { gpu: { count: 1, name: null, memory: null } }), ['2']);
  assert.is(
    ids([first], { gpu: { count: 2, name: 'T4', memory: null } }),
    'needs 2 GPUs (T4), of which 1 are free',
  );
  assert.equal(ids([first], { gpu: { count: 1, name: null, memory: 40 * gb } }), ['0']);
});

test('what is kept for a job for which there is no room has of its GPUs those that are free', () => {
  const first = ask([], { gpu: { count: 1, name: 't4', memory: null } }) as Allotment;
  const kept = shareOf(stock, [first], spec({ cpu: 8, gpu: { count: 2, name: 't4', memory: null } }));
  assert.is(kept.cpu, 8);
  assert.equal(
    kept.gpus.map(({ id }) => id),
    ['2'],
  );
  assert.is(ask([first, kept], { cpu: 1 }), 'needs 1 CPUs, of which 0 are free');
  assert.equal(ids([first, kept], { gpu: { count: 1, name: null, memory: null } }), ['0']);
});

test.run();
