import bytes from 'bytes';
import type { Gpu } from '../executor/gpus.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { gpuMatches, gpuWords, type Machine } from '../ledger/misfit.ts';

/** What a job has of its runner's machine for as long as it runs there. */
export interface Allotment {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: readonly Gpu[];
}

/** What there is to be given. */
export interface Stock extends Machine {
  readonly gpus: readonly Gpu[];
}

/**
 * What a job gets beside those that run, or what of it is not free now, as a clause about the job. A job that asks for
 * nothing gets what is left over, and takes nothing from others; a GPU is one job's. Pure.
 */
export function allot(
  stock: Stock,
  taken: Iterable<Allotment>,
  { resources }: Pick<JobSpec, 'resources'>,
): Allotment | { lacking: string } {
  const others = [...taken];
  const { gpu } = resources;
  const cpu = resources.cpu ?? 0;
  const memory = resources.memory ?? 0;
  const freeCpu = stock.cpu - others.reduce((sum, one) => sum + one.cpu, 0);
  const freeMemory = stock.memory - others.reduce((sum, one) => sum + one.memory, 0);
  const owned = new Set(others.flatMap((one) => one.gpus.map(({ id }) => id)));
  if (cpu > 0 && cpu > freeCpu)
    return { lacking: `needs ${cpu} CPUs, of which ${Math.max(0, freeCpu)} are free` };
  if (memory > 0 && memory > freeMemory)
    return {
      lacking: `needs ${bytes(memory)} of memory, of which ${bytes(Math.max(0, freeMemory))} are free`,
    };
  if (gpu === null) return { cpu, memory, gpus: [] };
  // The least of those that will do, so that larger ones stay for those who need them.
  const free = stock.gpus
    .filter((one) => !owned.has(one.id) && gpuMatches(one, gpu))
    .sort((a, b) => a.memory - b.memory || a.index - b.index);
  if (free.length < gpu.count) return { lacking: `needs ${gpuWords(gpu)}, of which ${free.length} are free` };
  return { cpu, memory, gpus: free.slice(0, gpu.count) };
}
