import { DstackError, reasonIn } from '../errors.ts';
import type { Execution, ExecutionResult } from './executor.ts';
import { terminatedExitCode } from './shell.ts';

/** The longest time that setTimeout knows; a longer one it takes for none. */
export const maxTimerMs = 2 ** 31 - 1;

/** What another attempt, here or elsewhere, may not meet with. */
const passing = new Set(['spawner-killed', 'pull-failed', 'docker-unavailable', 'docker-lost']);

/** Why something could not be run, as a result. */
export function failureOf(error: unknown): ExecutionResult {
  const result = { exitCode: null, signal: null, failure: reasonIn(error) };
  return error instanceof DstackError && passing.has(error.code) ? { ...result, lost: true } : result;
}

/** How what was to end before it began has ended. */
export const cutShort: ExecutionResult = { exitCode: null, signal: 'SIGTERM', failure: null };

/** An execution that had ended before it began. */
export function endedExecution(result: ExecutionResult): Execution {
  const nothing = async () => {};
  return {
    finished: Promise.resolve(result),
    freeze: nothing,
    thaw: nothing,
    stop: nothing,
    usage: async () => null,
  };
}

/** The end of a shell. When it was told to stop, its exit code for that is read as the signal that it was sent. */
export function resultOf(exitCode: number | null, signal: string | null, stopping: boolean): ExecutionResult {
  const obeyed = stopping && exitCode === terminatedExitCode;
  return { exitCode: obeyed ? null : exitCode, signal: obeyed ? 'SIGTERM' : signal, failure: null };
}
