import type { Ledger } from './ledger.ts';
import { type ReadStored, readLog } from './log-chunks.ts';
import type { Measurements } from './measurements.ts';
import { addMeasurements, parseMeasurements } from './metrics.ts';
import type { JobView } from './state.ts';

/**
 * What a job has measured so far, in the order in which it was told. Of several lines about one `step`, as an attempt
 * leaves them that went on from a checkpoint, the last one counts. A cached job has measured what its source has.
 */
export async function readMetrics(
  ledger: Ledger,
  job: Pick<JobView, 'commit' | 'cachedFrom'>,
  readStored: ReadStored,
): Promise<Measurements[]> {
  const commit = job.cachedFrom === null ? job.commit : await commitOf(ledger, job.cachedFrom);
  if (commit === null) return [];
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of readLog(ledger.shared, commit, 0, readStored, 0, 'metrics'))
    pieces.push(bytes);
  const steps = new Map<unknown, Measurements>();
  for (const line of Buffer.concat(pieces).toString('utf8').split('\n')) {
    const measured = parseMeasurements(line);
    if (measured === null) continue;
    // Without a step each line is one of its own.
    const step = measured.step ?? Symbol();
    steps.delete(step);
    steps.set(step, measured);
  }
  return [...steps.values()];
}

/** The newest value of everything that a job has measured; null: nothing. */
export function lastOf(points: readonly Measurements[]): Measurements | null {
  return points.length === 0 ? null : points.reduce(addMeasurements);
}

async function commitOf({ shared, names }: Ledger, id: { run: string; job: string }): Promise<string | null> {
  const ref = names.job('jobs', id);
  const commit = (await shared.list([names.ofRun('jobs', id.run)])).get(ref) ?? null;
  if (commit !== null) await shared.obtain([commit]);
  return commit;
}
