import type { Ledger } from '../../../src/ledger/ledger.ts';
import { settle } from '../../../src/ledger/settle.ts';
import { chunk, claim, finish, jobSpec, queued, submit } from '../support.ts';

/** The key of the job `train` of a run that {@link finishedRun} has made. */
export const key = (run: string) => Buffer.from(run).toString('hex').padEnd(64, '0');

/** A run of these jobs, submitted, executed and settled. */
export async function finishedRun(ledger: Ledger, run: string, jobs: readonly string[] = ['train']) {
  await submit(
    ledger,
    run,
    jobs.map((job) => jobSpec(job)),
    {
      jobs: jobs.map((job) => ({
        spec: jobSpec(job),
        cacheKey: job === 'train' ? key(run) : null,
        useCache: true,
      })),
    },
  );
  for (const job of jobs) {
    const holder = await claim(ledger, await queued(ledger, run, job));
    await holder.renew({ state: 'running', chunks: [chunk(`output of ${run}/${job}\n`)] });
    await settle(ledger, [await finish(holder)]);
  }
}
