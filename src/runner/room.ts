import type { JobSpec } from '../language/job-spec.ts';
import { type Allotment, allot } from '../ledger/allotments.ts';
import type { Member } from '../ledger/fleet.ts';
import { beyondMachine } from './fit.ts';
import type { RunnerOptions } from './runner-options.ts';

/** What of this machine its jobs have, and what is left of it. */
export interface Room {
  /** What a job would get now, or what it lacks, as a clause about the job. */
  free(spec: JobSpec): Allotment | { lacking: string };
  /** Null: there is room for it. */
  lacking(spec: JobSpec): string | null;
  /** This runner as the others see it, but as it is now. */
  self(): Member;
}

/**
 * @param taken what each of its jobs has
 * @param load how many these are
 */
export function openRoom(
  { executors, name, labels, interruptible, concurrency }: RunnerOptions,
  taken: ReadonlyMap<string, Allotment>,
  load: () => number,
): Room {
  const { stock } = executors;
  const free = (spec: JobSpec) =>
    // Who takes what is beyond this machine only says so.
    beyondMachine(executors, spec) === null
      ? allot(stock, taken.values(), spec)
      : { cpu: 0, memory: 0, gpus: [] };
  return {
    free,
    lacking(spec) {
      const share = free(spec);
      return 'lacking' in share ? share.lacking : null;
    },
    self: () => ({
      name,
      labels,
      interruptible,
      machine: stock,
      stock,
      concurrency,
      draining: false,
      load: load(),
      taken: [...taken.values()],
    }),
  };
}
