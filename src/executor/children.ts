import { spawn } from 'node:child_process';
import { type JobGroup, newJobGroup } from './job-group.ts';
import { shellFor } from './shell.ts';

/** The shell of a job, to be started. */
export interface ChildSpec {
  /** What the shell runs. */
  readonly script: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly nonce: string;
}

/** How a job's shell ended. */
export interface Exit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why neither of them is known. */
  readonly failure: string | null;
  /** Nothing of the job was left when its shell's end was noticed. */
  readonly nothingLeft?: boolean;
}

export interface Child {
  readonly job: JobGroup;
  /** Rejects if it will never be known. */
  readonly exited: Promise<Exit>;
}

/**
 * Starts a job's shell as this process's own child, and the leader of a session and a group of its own.
 * @param output a file descriptor for what it prints
 * @throws the system's error if it can't be started
 */
export async function startChild({ script, cwd, env, nonce }: ChildSpec, output: number): Promise<Child> {
  const { program, argv0, args } = shellFor(script, env.PATH);
  const child = spawn(program, args, {
    argv0,
    cwd,
    env,
    stdio: ['ignore', output, output],
    detached: true,
  });
  // Not 'close', which waits for everybody who holds the pipe.
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, failure: null }));
    child.once('error', reject);
  });
  if (child.pid === undefined) await exited; // Rejects.
  return { job: newJobGroup(child.pid as number, nonce), exited };
}
