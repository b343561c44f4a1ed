import type { JobSpec } from '../language/job-spec.ts';
import type { RunnerOptions } from './runner-options.ts';

/** Why a runner leaves a job to others, as a clause about the job; null: it fits. */
export function unfitFor(
  { executors, secrets }: Pick<RunnerOptions, 'executors' | 'secrets'>,
  spec: JobSpec,
): string | null {
  if (executors.choose(spec) === null) return spec.image === null ? 'needs plain processes' : 'needs Docker';
  const [lack, ...more] = secrets.lacking(spec);
  if (!lack) return null;
  return `needs the secret ${[lack, ...more].map(({ name }) => name).join(', ')} (${lack.reason})`;
}
