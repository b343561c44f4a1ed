import { createHash } from 'node:crypto';
import type { RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { belonging, readClaimTip } from './live.ts';
import { type JobId, jobName } from './refs.ts';
import { isSuccess } from './state.ts';

/**
 * What stands for a job of an earlier run in the key of one that depends on it: a hash of the artifacts that it and
 * all that it depends on have left, which are what the other gets. Null if there is no such result (yet).
 */
export async function resultKey(ledger: Ledger, id: JobId): Promise<string | null> {
  const manifests = new Set<string>();
  const seen = new Set<string>();
  const open: JobId[] = [id];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(jobName(next))) continue;
    seen.add(jobName(next));
    const record = await outcomeOf(ledger, next);
    if (!record || !isSuccess(record.state)) return null;
    if (record.artifacts) manifests.add(record.artifacts.manifest);
    for (const dependency of record.dependsOn) {
      open.push({ run: dependency.run ?? next.run, job: dependency.job });
    }
  }
  return createHash('sha256')
    .update([...manifests].sort().join('\n'))
    .digest('hex');
}

async function outcomeOf({ shared, names, ...ledger }: Ledger, id: JobId): Promise<RecordFile | null> {
  const refs = await shared.list([names.job('jobs', id), names.job('claims', id)]);
  for (const area of ['jobs', 'claims'] as const) {
    const commit = refs.get(names.job(area, id));
    if (!commit) continue;
    const tip = belonging(id, await readClaimTip({ shared, names, ...ledger }, commit));
    if (tip.kind === 'finished') return tip.record;
  }
  return null;
}
