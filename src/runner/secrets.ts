import type { SecretSource } from '../config/secret-source.ts';
import { DstackError } from '../errors.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { holdBack } from './hold-back.ts';
import { readSecret } from './read-secret.ts';

type Wanted = Pick<JobSpec, 'workflow' | 'secrets'>;

/** The secrets of a runner. */
export interface Secrets {
  /** Those of a job's that it can't have here now, each with why. Costs nothing; none: it can be claimed. */
  lacking(job: Wanted): readonly Lack[];
  /**
   * The values of a job's secrets, as they are now.
   * @throws DstackError `secret-unreadable`, after which it is lacking for a while; `secret-refused`
   */
  read(job: Wanted): Promise<ReadonlyMap<string, string>>;
  /** Tries every source that this repository may be given. */
  check(): Promise<readonly SecretCheck[]>;
}

export interface Lack {
  readonly name: string;
  readonly reason: string;
}

export interface SecretCheck {
  readonly name: string;
  readonly source: SecretSource;
  readonly error: DstackError | null;
}

/**
 * Why a job may not have a secret here, or null if it may. Pure.
 * @param repository where the shared repository is, as its ledger says it
 */
export function refusal(
  name: string,
  workflow: string,
  sources: Readonly<Record<string, SecretSource>>,
  repository: string,
): string | null {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (!source) return 'it is not among runner.secrets';
  if (source.repositories && !source.repositories.includes(repository)) return 'it is for other repositories';
  if (source.workflows && !source.workflows.includes(workflow)) return 'it is for other workflows';
  return null;
}

export function openSecrets(
  sources: Readonly<Record<string, SecretSource>>,
  repository: string,
  now?: () => number,
): Secrets {
  const unreadable = holdBack(now);
  const lacking = ({ workflow, secrets }: Wanted): Lack[] =>
    secrets.flatMap((name) => {
      const reason =
        refusal(name, workflow, sources, repository) ??
        (unreadable.remaining(name) > 0 ? 'it could not be read a moment ago' : null);
      return reason === null ? [] : [{ name, reason }];
    });
  const readOne = async (name: string): Promise<string> => {
    try {
      return await readSecret(name, sources[name] as SecretSource);
    } catch (error) {
      unreadable.add(name);
      throw error;
    }
  };
  return {
    lacking,
    async read(job) {
      for (const name of job.secrets) {
        const reason = refusal(name, job.workflow, sources, repository);
        if (reason === null) continue;
        throw new DstackError(
          'secret-refused',
          `${job.workflow} can't have the secret ${name} here: ${reason}`,
          {
            hint: 'runner.secrets says which there are, in ~/.config/dstack/config.yaml or DSTACK_RUNNER_SECRETS',
          },
        );
      }
      // One after the other: programs that unlock something ask once then.
      const values = new Map<string, string>();
      for (const name of job.secrets) values.set(name, await readOne(name));
      return values;
    },
    async check() {
      const checks: SecretCheck[] = [];
      for (const [name, source] of Object.entries(sources)) {
        if (source.repositories && !source.repositories.includes(repository)) continue;
        const error = await readOne(name).then(
          () => null,
          (problem: unknown) => problem as DstackError,
        );
        checks.push({ name, source, error });
      }
      return checks;
    },
  };
}
