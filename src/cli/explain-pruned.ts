import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { prunedOf } from '../ledger/prune/pruned-jobs.ts';
import { type JobId, jobName } from '../ledger/refs.ts';
import { plainText } from '../terminal-text.ts';

/**
 * Does something with what a job has left in the store.
 * @throws DstackError `artifacts-pruned` in place of `blob-missing`, if that was given up
 */
export async function orPruned<T>(ledger: Ledger, id: JobId, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DstackError) || error.code !== 'blob-missing') throw error;
    throw (await prunedErrors(ledger, id.run)).get(id.job) ?? error;
  }
}

/** What to say of those jobs of a run that have given up what they had left, by their names. */
export async function prunedErrors(ledger: Ledger, run: string): Promise<Map<string, DstackError>> {
  const hint = `\`dstack rerun ${run}\` makes it anew`;
  return new Map(
    [...(await prunedOf(ledger, run))].map(([job, at]) => [
      job,
      new DstackError('artifacts-pruned', prunedText({ run, job }, at), { hint }),
    ]),
  );
}

/** The same in a line each, for some of the jobs. */
export async function prunedNotices(ledger: Ledger, run: string, jobs: readonly string[]): Promise<string[]> {
  const errors = await prunedErrors(ledger, run);
  const found = jobs.flatMap((job) => errors.get(job) ?? []);
  return found.length > 3
    ? [`what ${found.length} jobs of ${run} had left in the store was pruned; ${found[0]?.hint}`]
    : found.map(({ message, hint }) => `${message}; ${hint}`);
}

function prunedText(id: JobId, at: string): string {
  return `what ${plainText(jobName(id))} had left in the store was pruned on ${plainText(at.slice(0, 10))}`;
}
