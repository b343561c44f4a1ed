import bytes from 'bytes';
import type { JobSpec } from '../language/job-spec.ts';

/** What a runner's machine has; its GPUs are those that the runner may give to jobs. Memory in bytes. */
export interface Machine {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: readonly Gpu[];
}

interface Gpu {
  readonly name: string;
  readonly memory: number;
}

/**
 * A card sold with 16 GB tells a tenth less, some of it being set aside: what somebody asks for is what it says on the
 * box.
 */
const gpuMemoryTold = 0.9;

export function gpuMatches(gpu: Gpu, wanted: NonNullable<JobSpec['resources']['gpu']>): boolean {
  if (wanted.name !== null && !gpu.name.toLowerCase().includes(wanted.name.toLowerCase())) return false;
  return wanted.memory === null || gpu.memory >= wanted.memory * gpuMemoryTold;
}

/** `2 GPUs (A100, 40GB each)`. */
export function gpuWords({ count, name, memory }: NonNullable<JobSpec['resources']['gpu']>): string {
  const which = [name, memory === null ? null : `${bytes(memory)}${count > 1 ? ' each' : ''}`].filter(
    Boolean,
  );
  return `${count} GPU${count > 1 ? 's' : ''}${which.length > 0 ? ` (${which.join(', ')})` : ''}`;
}

/** Why a job can never run on a machine with these labels, as a clause about the job; null: it can. */
export function misfit(
  { labels, resources: { cpu, memory, gpu } }: Pick<JobSpec, 'labels' | 'resources'>,
  offer: { readonly labels: Readonly<Record<string, string>>; readonly machine: Machine },
): string | null {
  const { machine } = offer;
  const lacking = Object.entries(labels).filter(([name, value]) => offer.labels[name] !== value);
  if (lacking.length > 0) return `needs the label ${lacking.map((pair) => pair.join('=')).join(', ')}`;
  if (cpu !== null && cpu > machine.cpu) return `needs ${cpu} CPUs`;
  if (memory !== null && memory > machine.memory) return `needs ${bytes(memory)} of memory`;
  if (gpu !== null && machine.gpus.filter((one) => gpuMatches(one, gpu)).length < gpu.count)
    return `needs ${gpuWords(gpu)}`;
  return null;
}
