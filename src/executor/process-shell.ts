import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as os } from 'node:os';
import path from 'node:path';
import { DstackError } from '../errors.ts';
import type { JobProcess } from './jobs-here.ts';
import { startOf } from './process-table.ts';

/** How often it is looked whether the job still runs, and how long its shell may take to leave then; milliseconds. */
const lookMs = 500;
const leaveMs = 2_000;

/**
 * Runs a program, by default a shell, in the folder and with the variables of a job that is a plain process. It is
 * none of the job's processes, which the job's end would wait for; but it ends with the job, whose folder goes then.
 * @returns its exit code, or 128 and the signal that ended it; null if the job ended first
 * @throws DstackError `no-such-command`
 */
export async function runBesideProcess(
  job: JobProcess,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number | null> {
  const environment: Record<string, string> = {
    ...job.environment,
    ...(env.TERM === undefined ? {} : { TERM: env.TERM }),
  };
  const [program = '', ...args] = command.length > 0 ? command : [usualShell(environment.PATH)];
  const child = spawn(program, args, { cwd: job.folder, env: environment, stdio: 'inherit' });
  // They are the shell's business, whose terminal it is now.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  process.on('SIGQUIT', ignore);
  let jobEnded = false;
  const timers: NodeJS.Timeout[] = [];
  const look = setInterval(() => {
    if (jobEnded || startOf(job.pid) === job.start) return;
    jobEnded = true;
    child.kill('SIGHUP');
    timers.push(setTimeout(() => child.kill('SIGKILL'), leaveMs));
  }, lookMs);
  try {
    return await new Promise<number | null>((resolve, reject) => {
      child.once('error', ({ message }) => {
        reject(
          new DstackError('no-such-command', `${program} can't be run there: ${message}`, {
            hint: 'name a program that is there',
          }),
        );
      });
      child.once('exit', (code, signal) => {
        resolve(jobEnded ? null : (code ?? 128 + (signal === null ? 0 : os.signals[signal])));
      });
    });
  } finally {
    clearInterval(look);
    for (const timer of timers) clearTimeout(timer);
    process.off('SIGINT', ignore);
    process.off('SIGQUIT', ignore);
  }
}

function usualShell(folders = ''): string {
  const found = folders
    .split(':')
    .map((folder) => path.join(folder, 'bash'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  return found ?? '/bin/sh';
}
