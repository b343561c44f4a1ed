import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultRequirements, type JobSpec } from '../../src/language/job-spec.ts';
import type { Machine } from '../../src/ledger/misfit.ts';
import { compareSizes, sizeFor } from '../../src/runner/machine-size.ts';

const gb = 2 ** 30;
const machine = (cpu: number, memory: number, ...gpus: [string, number][]): Machine => ({
  cpu,
  memory: memory * gb,
  gpus: gpus.map(([name, size]) => ({ name, memory: size * gb })),
});
const h100: [string, number] = ['NVIDIA H100 80GB HBM3', 79.6];
const t4: [string, number] = ['Tesla T4', 15];
const machines = {
  small: machine(4, 16),
  large: machine(64, 512),
  t4s: machine(16, 64, t4, t4, t4, t4, t4, t4, t4, t4),
  h100: machine(32, 256, h100),
};

/** Machines from the smallest to the largest for what a job asks for, those that are alike together. */
function ranked(resources: Partial<JobSpec['resources']>): string[] {
  const sized = Object.entries(machines).map(([name, one]) => ({
    name,
    size: sizeFor({ resources: { ...defaultRequirements.resources, ...resources } }, { machine: one }),
  }));
  sized.sort((a, b) => compareSizes(a.size, b.size) || (a.name < b.name ? -1 : 1));
  const places: string[] = [];
  for (const [index, { name, size }] of sized.entries()) {
    const before = sized[index - 1];
    if (before && compareSizes(before.size, size) === 0) places.push(`${places.pop()}=${name}`);
    else places.push(name);
  }
  return places;
}

test('a job without GPUs leaves those that have some to others', () => {
  assert.equal(ranked({ cpu: 2 }), ['small', 'large', 'h100', 't4s']);
  assert.equal(ranked({ memory: 8 * gb }), ['small', 'large', 'h100', 't4s']);
});

test('what asks for neither CPUs nor memory is as well off on any machine', () => {
  assert.equal(ranked({}), ['large=small', 'h100', 't4s']);
});

test('a job that takes any GPU goes where the least is enough, however many there are', () => {
  const [first, second] = ranked({ gpu: { count: 1, name: null, memory: null } }).slice(-2);
  assert.equal([first, second], ['t4s', 'h100']);
});

test('machines of the same kind are equal, though one tells a little less memory', () => {
  const size = (memory: number) =>
    sizeFor({ resources: { ...defaultRequirements.resources, memory: gb } }, { machine: machine(8, memory) });
  for (const [sold, told] of [
    [16, 15.5],
    [32, 31.2],
    [64, 62.6],
    [12, 11.4],
    [24, 23.4],
  ] as const)
    assert.is(compareSizes(size(sold), size(told)), 0, `${sold} and ${told} GB`);
  assert.ok(compareSizes(size(16), size(24)) < 0);
});

test('a job that may be interrupted leaves the machines that stay to others, however small they are', () => {
  const spec = { resources: { ...defaultRequirements.resources, cpu: 2, interruptible: true } };
  const spot = sizeFor(spec, { machine: machines.h100, interruptible: true });
  assert.ok(compareSizes(spot, sizeFor(spec, { machine: machines.small })) < 0);
});

test.run();
