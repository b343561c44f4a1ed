import type { PlannedJob } from '../ledger/plan-run.ts';
import { openSecrets } from '../runner/secrets.ts';
import type { Project } from './project.ts';

/**
 * Makes sure that this machine has the secrets of all jobs of a run: nobody else would ever execute a local one.
 * @throws DstackError `secret-unreadable`, `secret-refused`
 */
export async function requireSecrets(
  { config }: Pick<Project, 'config'>,
  repository: string,
  jobs: readonly PlannedJob[],
): Promise<void> {
  const secrets = openSecrets(config.runner.secrets, repository);
  // Cells of a matrix want the same.
  const wanted = new Map(jobs.map(({ spec }) => [JSON.stringify([spec.workflow, spec.secrets]), spec]));
  for (const spec of wanted.values()) await secrets.read(spec);
}
