import type { ExecutionSpec } from './executor.ts';

/** By these a process is known as part of a job. Only the executor sets them. */
export const identityVariables = {
  runner: 'DSTACK_EXECUTION_RUNNER',
  run: 'DSTACK_EXECUTION_RUN',
  job: 'DSTACK_EXECUTION_JOB',
  attempt: 'DSTACK_EXECUTION_ATTEMPT',
  nonce: 'DSTACK_EXECUTION_NONCE',
  starter: 'DSTACK_EXECUTION_STARTER',
} as const;

/** What a program needs to find its way on the host. Not here: the runner's credentials, tokens, agents. */
const passedThrough =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z_]+|TZ|TMPDIR|LD_LIBRARY_PATH|CUDA_VISIBLE_DEVICES|NVIDIA_[A-Z_]+)$/;

/**
 * The environment of a plain process's job: a few variables of the host, those of the job, and its identity.
 * @param starter the process that starts it, see `ownStarter`
 */
export function jobEnvironment(
  host: NodeJS.ProcessEnv,
  spec: Pick<ExecutionSpec, 'env' | 'identity' | 'gpus'>,
  starter: string,
): Record<string, string> {
  const { runner, run, job, attempt, nonce } = spec.identity;
  const fromHost = Object.entries(host).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && passedThrough.test(entry[0]),
  );
  return {
    ...Object.fromEntries(fromHost),
    ...spec.env,
    ...(spec.gpus === null ? {} : { CUDA_VISIBLE_DEVICES: spec.gpus.join(',') }),
    [identityVariables.runner]: runner,
    [identityVariables.run]: run,
    [identityVariables.job]: job,
    [identityVariables.attempt]: String(attempt),
    [identityVariables.nonce]: nonce,
    [identityVariables.starter]: starter,
  };
}
