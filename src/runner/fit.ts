import type { JobSpec } from '../language/job-spec.ts';
import { misfit } from '../ledger/misfit.ts';
import type { Executors } from './executors.ts';
import type { RunnerOptions } from './runner-options.ts';

/** Why a runner leaves a job to others, as a clause about the job; null: it fits. */
export function unfitFor(
  {
    executors,
    secrets,
    labels,
    interruptible,
    until,
  }: Pick<RunnerOptions, 'executors' | 'secrets' | 'labels' | 'interruptible' | 'until'>,
  spec: JobSpec,
): string | null {
  if (executors.choose(spec) === null) return spec.image === null ? 'needs plain processes' : 'needs Docker';
  // A run that is for this runner alone needs no labels, and waits for no larger machine: it fails.
  const unfit =
    until.kind === 'run' ? null : misfit(spec, { labels, interruptible, machine: executors.stock });
  if (unfit !== null) return unfit;
  const [lack, ...more] = secrets.lacking(spec);
  if (!lack) return null;
  return `needs the secret ${[lack, ...more].map(({ name }) => name).join(', ')} (${lack.reason})`;
}

/** What a job needs that there is nowhere on this machine, whoever has it, as a clause about the job; null: nothing. */
export function beyondMachine(
  { stock }: Pick<Executors, 'stock'>,
  { resources }: Pick<JobSpec, 'resources'>,
): string | null {
  return misfit({ resources, labels: {} }, { labels: {}, machine: stock });
}
