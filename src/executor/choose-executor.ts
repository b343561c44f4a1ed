import { DstackError } from '../errors.ts';
import { createDockerExecutor, type DockerExecutorOptions } from './docker-executor.ts';
import type { Executor } from './executor.ts';
import { createProcessExecutor } from './process-executor.ts';

export interface ExecutorChoice extends DockerExecutorOptions {
  /** What the user asked for, if anything. */
  requested?: Executor['kind'] | undefined;
}

/**
 * The executor that was asked for; with nothing asked for Docker's if it answers, plain processes if not.
 * @returns with `note`, one line for people, where the choice needs explaining
 * @throws DstackError `no-executor` if the one asked for can't be used here
 */
export async function chooseExecutor(
  choice: ExecutorChoice,
): Promise<{ executor: Executor; note: string | undefined }> {
  if (choice.requested === 'process')
    return { executor: await usable(createProcessExecutor(choice)), note: undefined };
  const docker = createDockerExecutor(choice);
  if (choice.requested === 'docker') return { executor: await usable(docker), note: undefined };
  const { ok, detail, remedy } = await docker.check();
  if (ok) return { executor: docker, note: undefined };
  await docker.close();
  const note = `${detail}; jobs run as plain processes, without their images${remedy ? ` (for containers: ${remedy})` : ''}`;
  return { executor: await usable(createProcessExecutor(choice)), note };
}

async function usable(executor: Executor): Promise<Executor> {
  const { ok, detail, remedy } = await executor.check();
  if (ok) return executor;
  await executor.close();
  throw new DstackError('no-executor', detail, { hint: remedy });
}
