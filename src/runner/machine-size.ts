import type { JobSpec } from '../language/job-spec.ts';
import { allot, stockOf } from '../ledger/allotments.ts';
import type { Offer } from '../ledger/misfit.ts';

/**
 * How much a job would occupy by being on this machine, what weighs most first: a machine that stays, which only some
 * jobs can do without; how good a GPU it would get, how many
 * GPUs there are beside it, then CPUs and memory, each if it asks for some. A job that asks for no CPUs runs as well on
 * any number, and is better off where less is going on.
 */
export function sizeFor(
  { resources }: Pick<JobSpec, 'resources'>,
  { machine, interruptible }: Pick<Offer, 'machine' | 'interruptible'>,
): readonly number[] {
  const share = allot(stockOf(machine), [], { resources });
  const given = 'lacking' in share ? [] : share.gpus.map(({ memory }) => memory);
  return [
    interruptible ? 0 : 1,
    given.length === 0 ? 0 : grade(Math.max(...given)),
    machine.gpus.length,
    resources.cpu === null ? 0 : grade(machine.cpu),
    resources.memory === null ? 0 : grade(machine.memory),
  ];
}

/** Negative: `a` is the smaller one. */
export function compareSizes(a: readonly number[], b: readonly number[]): number {
  for (const [index, one] of a.entries()) {
    const difference = one - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Sizes of which one is about half as large again differ; those of two machines of the same kind never do. */
function grade(size: number): number {
  return size > 0 ? Math.round(2 * Math.log2(size)) : Number.MIN_SAFE_INTEGER;
}
