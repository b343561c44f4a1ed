import type { JobSpec } from '../language/job-spec.ts';
import { misfit } from '../ledger/misfit.ts';
import { grant, nothingAllowed } from './access.ts';
import type { Executors } from './executors.ts';
import type { RunnerOptions } from './runner-options.ts';

type Offer = Pick<RunnerOptions, 'executors' | 'secrets' | 'labels' | 'interruptible' | 'until' | 'allow'>;

/** Why a runner leaves a job to others, as a clause about the job; null: it fits. */
export function unfitFor(
  { executors, secrets, labels, interruptible, until, allow }: Offer,
  spec: JobSpec,
): string | null {
  // A run that is for this runner alone needs no labels, and waits for no other machine: it fails.
  if (until.kind !== 'run') {
    const offer = { labels, interruptible, machine: executors.stock };
    const unfit =
      lackedExecutor(executors, spec) ??
      executors.away(spec) ??
      misfit({ ...spec, access: undefined }, offer) ??
      lackedAccess(allow, spec);
    if (unfit !== null) return unfit;
  }
  const [lack, ...more] = secrets.lacking(spec);
  if (!lack) return null;
  return `needs the secret ${[lack, ...more].map(({ name }) => name).join(', ')} (${lack.reason})`;
}

/** What of the ways to execute a job there is none of here, as a clause about the job; null: there is one. */
export function lackedExecutor(executors: Pick<Executors, 'choose'>, spec: JobSpec): string | null {
  if (executors.choose(spec) !== null) return null;
  return spec.image === null && !spec.access ? 'needs plain processes' : 'needs Docker';
}

function lackedAccess(allow: Offer['allow'], { access }: JobSpec): string | null {
  const granted = grant(allow ?? nothingAllowed, access);
  return 'lacking' in granted ? granted.lacking : null;
}

/** What a job needs that there is nowhere on this machine, whoever has it, as a clause about the job; null: nothing. */
export function beyondMachine(
  { stock }: Pick<Executors, 'stock'>,
  { resources }: Pick<JobSpec, 'resources'>,
): string | null {
  return misfit({ resources, labels: {} }, { labels: {}, machine: stock });
}
