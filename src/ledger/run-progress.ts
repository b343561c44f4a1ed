import { viewJob } from './job-views.ts';
import type { Ledger } from './ledger.ts';
import { belonging, openLiveReader } from './live.ts';
import { type RunCommit, viewOf } from './read-state.ts';
import { isSuccess, type JobView, type RunView } from './state.ts';

/**
 * How a run stands, for who knows what its commit says: the snapshot, which a reading of the whole state would bring here,
 * stays where it is. Who else waits, and for what, is not looked at.
 * @param commit the run commit's id
 * @throws DstackError `unreachable` and the like
 */
export async function runProgress(
  ledger: Ledger,
  name: string,
  commit: string,
  head: RunCommit,
): Promise<RunView> {
  const { shared, names } = ledger;
  const reader = openLiveReader(ledger);
  const areas = ['queue', 'claims', 'jobs'] as const;
  const refs = await shared.list(areas.map((area) => names.ofRun(area, name)));
  const jobs: JobView[] = [];
  for (const job of head.message.jobs.keys()) {
    const id = { run: name, job };
    const [queue, claim, outcome] = areas.map((area) => refs.get(names.job(area, id)));
    const tipAt = async (at: string | undefined) =>
      at === undefined
        ? null
        : reader
            .claimTip(at)
            .then((tip) => belonging(id, tip))
            .catch(() => null);
    const tip = (await tipAt(outcome)) ?? (await tipAt(claim));
    const entry = queue === undefined ? null : await reader.queueEntry(id, queue).catch(() => null);
    const own = queue === undefined ? {} : { queue };
    jobs.push(viewJob(id, head.submittedAt, tip, entry, own, false, jobs, null, null));
  }
  return viewOf(name, commit, head, jobs);
}

/** The jobs whose output says most about a run that has ended: of those that failed the first few, otherwise the last. */
export function tellingJobs(run: RunView, most: number): JobView[] {
  const failed = run.jobs.filter((job) => job.state === 'failed');
  if (failed.length > 0) return failed.slice(0, most);
  const last = run.jobs.at(-1);
  return last && isSuccess(last.state) ? [last] : [];
}
