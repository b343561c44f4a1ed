import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { answerUnlessGone } from './docker-client.ts';
import { maxTimerMs } from './executions.ts';

/** Signals and pauses for one container, in the order in which they were asked for. */
export interface ContainerControl {
  /** To be called once the container runs; what was asked for before is done now. */
  started(container: Docker.Container): void;
  /** Nothing is done any more. */
  ended(): void;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** SIGTERM, and SIGKILL `graceMs` later; a second call can only shorten the time. */
  terminate(graceMs: number): void;
  /** Has that been called? */
  isTerminated(): boolean;
}

const pauseTries = 20;
const pauseRetryMs = 100;

/** To pause what ended a moment ago is a server error to Docker, like any other: what it is now tells. */
async function stateOf(container: Docker.Container) {
  return (await answerUnlessGone(container.inspect()))?.State;
}

/** Asks all processes of a container to end; a shell would only hear of it when the program that it waits for has ended. */
async function signalAll(container: Docker.Container): Promise<void> {
  const command = { Cmd: ['/bin/sh', '-c', 'kill -s TERM -- -1'] };
  const exec = await answerUnlessGone(container.exec(command));
  await exec?.start({ Detach: true }).catch(() => {}); // Then SIGKILL ends them.
}

/**
 * A container that isn't started yet can be frozen or told to end as well.
 * @param lost called when Docker fails to kill: then nobody knows any more
 * @param groupless does the container's init pass a signal on to the shell alone, not to its group, as Podman's does?
 */
export function createContainerControl(
  lost: (error: unknown) => void,
  groupless: () => Promise<boolean>,
): ContainerControl {
  let container: Docker.Container | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const timers = new Set<NodeJS.Timeout>();
  let paused = false;
  let freezeAsked = false;
  let graceAsked: number | undefined;
  let over = false;

  function inTurn(action: (container: Docker.Container) => Promise<unknown>): Promise<void> {
    const done = last.then(async () => {
      if (container !== undefined && !over) await action(container);
    });
    last = done.catch(() => {});
    return done;
  }

  async function pause(target: Docker.Container): Promise<void> {
    if (paused) return;
    for (let attempt = 1; ; attempt += 1) {
      paused = true;
      try {
        await answerUnlessGone(target.pause());
        return;
      } catch (error) {
        const state = await stateOf(target);
        paused = state?.Paused ?? false;
        if (paused || !state?.Running) return;
        // It may have ended without Docker having noticed: for a moment the one says stopped and the other running.
        if (attempt === pauseTries) throw error;
        await sleep(pauseRetryMs);
      }
    }
  }

  async function unpause(target: Docker.Container): Promise<void> {
    if (!paused) return;
    paused = false;
    try {
      await answerUnlessGone(target.unpause());
    } catch (error) {
      if ((await stateOf(target))?.Paused) throw error;
    }
  }

  /** A paused container would not see the signal. */
  async function signalIt(target: Docker.Container, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await unpause(target);
    if (signal === 'SIGTERM' && (await groupless())) await signalAll(target);
    await answerUnlessGone(target.kill({ signal }));
  }

  function deliver(graceMs: number): void {
    if (graceMs > 0 && timers.size === 0) inTurn((target) => signalIt(target, 'SIGTERM')).catch(() => {});
    const kill = () => inTurn((target) => signalIt(target, 'SIGKILL')).catch(lost);
    timers.add(setTimeout(kill, Math.min(graceMs, maxTimerMs)));
  }

  return {
    started(startedContainer) {
      container = startedContainer;
      if (freezeAsked) inTurn(pause).catch(lost);
      if (graceAsked !== undefined) deliver(graceAsked);
    },
    ended() {
      over = true;
      for (const timer of timers) clearTimeout(timer);
    },
    async freeze() {
      freezeAsked = true;
      await inTurn(pause);
    },
    async thaw() {
      freezeAsked = false;
      await inTurn(unpause);
    },
    terminate(graceMs) {
      graceAsked = Math.min(graceMs, graceAsked ?? Number.POSITIVE_INFINITY);
      if (container !== undefined && !over) deliver(graceMs);
    },
    isTerminated: () => graceAsked !== undefined,
  };
}
