import bytes from 'bytes';
import type { JobSpec } from '../language/job-spec.ts';
import { type Gpu, gpuMatches, gpuWords, type Machine } from './misfit.ts';

/** A GPU that can be told from the others of its machine. */
export interface PlacedGpu extends Gpu {
  readonly id: string;
  /** As the machine counts them. */
  readonly index: number;
}

/** What a job has of its runner's machine for as long as it runs there. */
export interface Allotment {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: readonly PlacedGpu[];
}

/** What there is to be given. */
export interface Stock extends Machine {
  readonly gpus: readonly PlacedGpu[];
}

/** A machine as a card tells it, whose GPUs are known by their order. */
export function stockOf({ cpu, memory, gpus }: Machine): Stock {
  return { cpu, memory, gpus: gpus.map((gpu, index) => ({ ...gpu, index, id: String(index) })) };
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
  if (cpu > 0 && cpu > freeCpu)
    return { lacking: `needs ${cpu} CPUs, of which ${Math.max(0, freeCpu)} are free` };
  if (memory > 0 && memory > freeMemory)
    return {
      lacking: `needs ${bytes(memory)} of memory, of which ${bytes(Math.max(0, freeMemory))} are free`,
    };
  if (gpu === null) return { cpu, memory, gpus: [] };
  const free = freeGpus(stock, others, gpu);
  if (free.length < gpu.count) return { lacking: `needs ${gpuWords(gpu)}, of which ${free.length} are free` };
  return { cpu, memory, gpus: free.slice(0, gpu.count) };
}

/**
 * What is to be kept for a job for which there is no room yet: its share, and of the GPUs that it can have as many as
 * are free now. Pure.
 */
export function shareOf(
  stock: Stock,
  taken: Iterable<Allotment>,
  { resources }: Pick<JobSpec, 'resources'>,
): Allotment {
  const { cpu, memory, gpu } = resources;
  const gpus = gpu === null ? [] : freeGpus(stock, [...taken], gpu).slice(0, gpu.count);
  return { cpu: cpu ?? 0, memory: memory ?? 0, gpus };
}

/** The least of those that will do come first, so that larger ones stay for those who need them. */
function freeGpus(
  stock: Stock,
  taken: readonly Allotment[],
  wanted: NonNullable<JobSpec['resources']['gpu']>,
): PlacedGpu[] {
  const owned = new Set(taken.flatMap((one) => one.gpus.map(({ id }) => id)));
  return stock.gpus
    .filter((one) => !owned.has(one.id) && gpuMatches(one, wanted))
    .sort((a, b) => a.memory - b.memory || a.index - b.index);
}
