import { isFinal, isSuccess, type JobView, type RunView } from '../ledger/state.ts';

/** `rows=1000 learning_rate=0.01`; values with spaces are quoted. Not yet neutralised. */
export function describeVariables(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${/^[^\s"']+$/.test(value) ? value : JSON.stringify(value)}`)
    .join(' ');
}

/** `Ann` of `Ann <ann@example.org>`. Not yet neutralised. */
export function personName(signature: string): string {
  return signature.replace(/ *<[^>]*>$/, '') || signature;
}

/** Why a job is unhappy or what it waits for, or whose result it reuses. Not yet neutralised. */
export function jobReason(job: JobView): string | null {
  if (job.reason !== null) return job.reason;
  if (job.cachedFrom !== null) return `from ${job.cachedFrom.run}/${job.cachedFrom.job}`;
  if (job.exitCode !== null && job.exitCode !== 0) return `exit code ${job.exitCode}`;
  return null;
}

/** The job to blame for a run that ended unhappily. */
export function culpritOf(run: RunView): JobView | undefined {
  const unhappy = run.jobs.filter((job) => isFinal(job.state) && !isSuccess(job.state));
  // A skipped job only says which other one is to blame.
  return unhappy.find((job) => job.state !== 'skipped') ?? unhappy[0];
}

/** Why a run is unhappy: the reason of the job to blame, with its name. Not yet neutralised. */
export function runReason(run: RunView): string | null {
  const culprit = culpritOf(run);
  if (culprit === undefined) return null;
  return `${culprit.name}: ${jobReason(culprit) ?? culprit.state}`;
}

/** A job's state, and that it has been asked to stop. */
export function stateWord(job: JobView): string {
  return job.stopping && !isFinal(job.state) ? `${job.state}, stopping` : job.state;
}
