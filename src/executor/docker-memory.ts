import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { answerOf } from './docker-client.ts';
import type { ExecutionSpec } from './executor.ts';

/** How long after a container's end Docker may still tell that its memory had run out. Seconds. */
const lateSeconds = 1;

/**
 * Whether a container that has ended was out of memory. Docker's word in the container's state is only true if the
 * kernel's news came before that of the end, which it need not; the list of events has it in either order.
 */
export async function ranOutOfMemory(
  docker: Docker,
  id: string,
  { limits }: ExecutionSpec,
  state: Docker.ContainerInspectInfo['State'],
): Promise<boolean> {
  if (state.OOMKilled || limits.memory === null) return state.OOMKilled;
  try {
    const events = (await answerOf(
      docker.getEvents({
        since: secondsOf(state.StartedAt),
        until: secondsOf(state.FinishedAt) + lateSeconds,
        filters: { container: [id], event: ['oom'] },
      }),
    )) as Readable;
    // Leaving the loop closes the connection.
    for await (const _event of events) return true;
  } catch {
    // A failed job stays one without a reason.
  }
  return false;
}

function secondsOf(date: string): number {
  return Date.parse(date) / 1000;
}
