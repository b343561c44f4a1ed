import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { jobName } from '../ledger/refs.ts';
import { type Finished, settle } from '../ledger/settle.ts';
import { passes } from './once-in-contact.ts';

/** Between two settlings, for what ends meanwhile; milliseconds. */
const spacing = 20;

/** More of them in one push would be more than the arguments of a process can hold. */
const atMost = 50;

/**
 * Settles what this runner has finished, beside its work: an outcome stands without it. What ends while a settling is
 * under way goes with the next one, and so does what ends soon after it, so that many
 * short jobs cost few pushes.
 */
export interface Settler {
  add(job: Finished): void;
  /** Is this job, by its `run/job`, on its way? */
  has(key: string): boolean;
  /** Resolves once nothing is. What could not be settled is left to whoever looks next. */
  idle(): Promise<void>;
}

/** @param rests called each time when nothing is on its way any more */
export function openSettler(
  ledger: Ledger,
  log: Pick<Logger, 'warn'>,
  rests: () => void = () => {},
): Settler {
  const waiting = new Map<string, Finished>();
  let underWay = new Set<string>();
  let working: Promise<void> | null = null;
  let notBefore = 0;

  const settleAll = async (jobs: readonly Finished[]): Promise<void> => {
    try {
      await settle(ledger, jobs);
    } catch (error) {
      // One that can't be settled is no reason to leave the others.
      if (jobs.length > 1 && !passes(error)) {
        for (const job of jobs) await settleAll([job]);
        return;
      }
      for (const job of jobs) {
        log.warn(
          { job: jobName(job.id), error: (error as Error).message },
          'settling is left to the next look',
        );
      }
    }
  };
  const work = async () => {
    while (waiting.size > 0) {
      const early = notBefore - performance.now();
      if (early > 0) await setTimeout(early);
      const batch = [...waiting].slice(0, atMost);
      for (const [key] of batch) waiting.delete(key);
      underWay = new Set(batch.map(([key]) => key));
      await settleAll(batch.map(([, job]) => job));
      underWay = new Set();
      notBefore = performance.now() + spacing;
    }
    working = null;
    rests();
  };

  return {
    add(job) {
      waiting.set(jobName(job.id), job);
      working ??= work();
    },
    has: (key) => waiting.has(key) || underWay.has(key),
    async idle() {
      while (working !== null) await working;
    },
  };
}
