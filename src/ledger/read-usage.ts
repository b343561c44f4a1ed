import type { Ledger } from './ledger.ts';
import type { JobView } from './state.ts';
import { type UsageSeries, usageSeriesSchema } from './usage.ts';

/** What a job has used of its machine over time; null: that is not there, or can't be read. */
export async function readUsage(ledger: Ledger, job: Pick<JobView, 'commit'>): Promise<UsageSeries | null> {
  if (job.commit === null) return null;
  try {
    await ledger.shared.obtain([job.commit]);
    const blob = await ledger.shared.read(`${job.commit}:usage.json`);
    if (blob?.type !== 'blob') return null;
    return usageSeriesSchema.parse(JSON.parse(blob.content.toString('utf8')));
  } catch {
    return null;
  }
}
