import { isFinal, type JobView, type RunView } from '../ledger/state.ts';

/**
 * Milliseconds for which a job has been waiting for a runner, or had been when one took it: from its submission, or the
 * end of the last job that it depends on. Null: it waits for others yet, or was never to be executed.
 */
export function queueTime(job: JobView, run: RunView, now: number): number | null {
  const taken = job.claimedAt ?? job.startedAt;
  if (isFinal(job.state) && (job.startedAt === null || taken === null)) return null;
  // A claim without a runner is that of an earlier attempt.
  const end = taken === null || (job.state === 'submitted' && job.runner === null) ? now : Date.parse(taken);
  let from = Date.parse(job.submittedAt);
  for (const dependency of job.dependsOn) {
    if (dependency.run !== null) continue;
    const other = run.jobs.find(({ name }) => name === dependency.job);
    if (other === undefined) continue;
    if (other.finishedAt === null) {
      if (!isFinal(other.state)) return null;
      continue;
    }
    from = Math.max(from, Date.parse(other.finishedAt));
  }
  // Each time is by another machine's clock.
  return Number.isNaN(end - from) ? null : Math.max(0, end - from);
}

/** The same of a run: until the first of its jobs was taken. */
export function runQueueTime(run: RunView, now: number): number | null {
  if (run.startedAt === null && isFinal(run.state)) return null;
  const end = run.startedAt === null ? now : Date.parse(run.startedAt);
  const wait = end - Date.parse(run.submittedAt);
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
