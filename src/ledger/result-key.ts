import { createHash } from 'node:crypto';
import type { Ledger } from './ledger.ts';
import { type JobId, jobName } from './refs.ts';
import { readOutcomes } from './runs.ts';
import { isSuccess } from './state.ts';

/**
 * What stands for a job of an earlier run in the key of one that depends on it: a hash of the artifacts that it and
 * all that it depends on have left, which are what the other gets. Null if there is no such result (yet).
 */
export async function resultKey(ledger: Ledger, id: JobId): Promise<string | null> {
  const manifests = new Set<string>();
  const seen = new Set<string>();
  const open: (JobId & { ownFolder?: true | undefined })[] = [id];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(jobName(next))) continue;
    seen.add(jobName(next));
    const record = (await readOutcomes(ledger, [next])).get(jobName(next))?.record;
    if (!record || !isSuccess(record.state)) return null;
    if (record.artifacts) {
      const { manifest } = record.artifacts;
      manifests.add(next.ownFolder ? `${manifest} in ${next.job}` : manifest);
    }
    for (const dependency of record.dependsOn) {
      open.push({ ...dependency, run: dependency.run ?? next.run });
    }
  }
  return createHash('sha256')
    .update([...manifests].sort().join('\n'))
    .digest('hex');
}
