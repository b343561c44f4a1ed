import { DstackError } from '../errors.ts';

/**
 * What `/bin/sh -c` is given: the script, as its first argument, is run by bash where there is one. `exec` all the
 * way, so that signals reach the shell that runs the commands, and its exit code is the job's.
 */
export const shellLauncher =
  'if command -v bash >/dev/null 2>&1; then exec bash -e -c "$1"; fi; exec /bin/sh -e -c "$1"';

/** The exit code of a shell that was told to terminate. */
export const terminatedExitCode = 143;

/** Linux lets one argument of a program have 128 KiB, the final zero byte included. */
const maxScriptBytes = 128 * 1024 - 1;

/**
 * The commands as one script. A plain shell dies at once of SIGTERM and would leave the program it waits for, which
 * got the signal too, no time to save anything; with the trap it ends after that program. A trap of the user's own
 * replaces it. It shares the first line, so that line numbers in messages stay right.
 * @throws DstackError `bad-commands` if no shell could be given them
 */
export function shellScript(commands: readonly string[]): string {
  const script = `trap 'wait; exit ${terminatedExitCode}' TERM; ${commands.join('\n')}`;
  if (script.includes('\0')) throw new DstackError('bad-commands', 'the commands contain a zero byte');
  if (Buffer.byteLength(script) > maxScriptBytes) {
    throw new DstackError('bad-commands', 'the commands are longer than 128 KiB', {
      hint: 'put them into a script file and run that',
    });
  }
  return script;
}
