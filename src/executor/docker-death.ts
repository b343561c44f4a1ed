import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { answerOf, explainDockerError } from './docker-client.ts';
import type { ExecutionSpec } from './executor.ts';

/** How long after a container's end Docker may still tell what had ended it. Seconds. */
const lateSeconds = 1;

/** Of whom only Docker can tell: they end themselves so, too. SIGKILL, SIGTERM. */
const deathsBySignal = new Set([137, 143]);

/** What has ended a container that did not end by itself. */
export type CauseOfDeath = 'out-of-memory' | 'signal-through-docker';

/**
 * Why a container has ended, as far as that was not its own doing: its memory ran out; or Docker passed a signal on to
 * it, as it does when it is stopped itself, which may well be why the program then left in order. Docker's word on
 * memory in the container's state is only true if the kernel's news came before that of the end, which it need not; the
 * list of events has it in either order.
 * @param passed seconds since its end at least; it may be gone by now
 * @throws DstackError `docker-unavailable` if Docker goes meanwhile: it was being stopped
 */
export async function causeOfDeath(
  docker: Docker,
  id: string,
  { limits }: Pick<ExecutionSpec, 'limits'>,
  state: Docker.ContainerInspectInfo['State'],
  passed: number,
): Promise<CauseOfDeath | null> {
  const failed = state.ExitCode !== 0;
  if (failed && state.OOMKilled) return 'out-of-memory';
  const mayBeLate = deathsBySignal.has(state.ExitCode) || (failed && limits.memory !== null);
  try {
    const events = (await answerOf(
      docker.getEvents({
        since: secondsOf(state.StartedAt),
        // That a signal was sent is noted after it was: a program may leave in between.
        until: secondsOf(state.FinishedAt) + Math.max(passed, mayBeLate ? lateSeconds : 0),
        filters: { container: [id], event: ['oom', 'kill'] },
      }),
    )) as Readable;
    let text = '';
    // Leaving the loop closes the connection.
    for await (const chunk of events) {
      text += String(chunk);
      if (/"Action":"kill"/.test(text)) return 'signal-through-docker';
      if (failed && limits.memory !== null && /"Action":"oom"/.test(text)) return 'out-of-memory';
    }
  } catch (error) {
    const explained = explainDockerError(error);
    // One that can't tell, but answers, leaves a failure without its reason.
    if (explained.code === 'docker-unavailable') throw explained;
  }
  return null;
}

function secondsOf(date: string): number {
  return Date.parse(date) / 1000;
}
