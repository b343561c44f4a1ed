import type { JobSpec } from '../language/job-spec.ts';
import type { LackedSecret } from '../ledger/misfit.ts';
import type { Secrets } from './secrets.ts';

/** A card has no more of them; names can be as long as somebody likes. */
const most = 50;
const longest = 200;

/**
 * Which secrets that jobs in the queue ask for by name this runner can't give them, so that others can tell. What it
 * has, and what nobody asks for, is told to nobody.
 */
export function lackedSecrets(
  specs: Iterable<Pick<JobSpec, 'workflow' | 'secrets'>>,
  secrets: Pick<Secrets, 'lacking'>,
): LackedSecret[] {
  const found = new Map<string, LackedSecret>();
  for (const spec of specs) {
    if (found.size >= most) break;
    for (const { name } of spec.secrets.length > 0 ? secrets.lacking(spec) : []) {
      if (name.length + spec.workflow.length > longest || found.size >= most) continue;
      found.set(JSON.stringify([spec.workflow, name]), { workflow: spec.workflow, secret: name });
    }
  }
  return [...found.values()];
}
