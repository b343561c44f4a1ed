import { availableParallelism, totalmem } from 'node:os';

/** What this process may use of its machine: CPUs, and bytes of memory, of which a control group can leave it less. */
export function machineCapacity(): { cpu: number; memory: number } {
  const allowed = process.constrainedMemory();
  const memory = totalmem();
  return { cpu: availableParallelism(), memory: allowed > 0 ? Math.min(allowed, memory) : memory };
}
