import type { JobSpec } from '../language/job-spec.ts';
import { misfit } from '../ledger/misfit.ts';
import type { RunnerOptions } from './runner-options.ts';

/** Why a runner leaves a job to others, as a clause about the job; null: it fits. */
export function unfitFor(
  { executors, secrets, labels, until }: Pick<RunnerOptions, 'executors' | 'secrets' | 'labels' | 'until'>,
  spec: JobSpec,
): string | null {
  if (executors.choose(spec) === null) return spec.image === null ? 'needs plain processes' : 'needs Docker';
  // A run that somebody wants to have here, now, needs no labels.
  const offer = { labels: until.kind === 'run' ? spec.labels : labels, machine: executors.stock };
  const unfit = misfit(spec, offer);
  if (unfit !== null) return unfit;
  const [lack, ...more] = secrets.lacking(spec);
  if (!lack) return null;
  return `needs the secret ${[lack, ...more].map(({ name }) => name).join(', ')} (${lack.reason})`;
}
