import { type ChildProcess, spawn } from 'node:child_process';
import type { JobGroup } from './job-group.ts';
import { argumentsFor, ownProgramEnvironment } from './own-program.ts';

/** What a watchdog ends: a process group (see `guardOfGroup`), what carries a nonce, or a container (its name or id). */
export type GuardKind = 'group' | 'nonce' | 'container';

/** One line of the pipe to the watchdog process, as JSON. */
export type WatchdogMessage = { do: 'add' | 'remove'; kind: GuardKind; id: string } | { do: 'bye' };

/**
 * A small process of its own that outlives this one, and then ends what it was given to guard: whatever kills the
 * runner, SIGKILL included, its jobs do not go on unseen.
 */
export interface Watchdog {
  guard(kind: GuardKind, id: string): void;
  release(kind: GuardKind, id: string): void;
  /** Sends it away: nothing is ended. */
  close(): Promise<void>;
}

/**
 * @param options.watchdogScript the file that runs `watchdog-process.ts`: a bundle of it, or itself
 */
export function startWatchdog(options: { watchdogScript: string }): Watchdog {
  const child = spawn(process.execPath, argumentsFor(options.watchdogScript), {
    cwd: '/',
    detached: true, // A session of its own: no Ctrl+C and no signal to the runner's group reaches it.
    env: ownProgramEnvironment(process.env),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  // Without it jobs still run; what a killed runner leaves is then found by its successor's sweep.
  child.stdin.on('error', () => {});
  keepFromHoldingUp(child);
  const send = (message: WatchdogMessage) => {
    if (child.stdin.writable) child.stdin.write(`${JSON.stringify(message)}\n`);
  };
  return {
    guard: (kind, id) => send({ do: 'add', kind, id }),
    release: (kind, id) => send({ do: 'remove', kind, id }),
    async close() {
      send({ do: 'bye' });
      child.stdin.end();
      child.ref();
      await exited;
    },
  };
}

/** A group as the watchdog is told it. */
export function guardOfGroup(job: JobGroup): string {
  return JSON.stringify({ group: job.group, start: job.start, nonce: job.nonce } satisfies JobGroup);
}

function keepFromHoldingUp(child: ChildProcess): void {
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
}
