import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { DstackError } from '../errors.ts';

/**
 * What `/bin/sh -c` is given: the script, as its first argument, is run by bash where there is one. `exec` all the
 * way, so that signals reach the shell that runs the commands, and its exit code is the job's.
 */
export const shellLauncher =
  'if command -v bash >/dev/null 2>&1; then exec bash -e -c "$1"; fi; exec /bin/sh -e -c "$1"';

/** What is started for a script, in an environment with this PATH: what the launcher would `exec`, or the launcher. */
export function shellFor(
  script: string,
  PATH: string | undefined,
): { program: string; argv0: string; args: string[] } {
  const now = performance.now();
  if (!found || found.PATH !== PATH || now - found.at > foundForMs)
    found = { PATH, bash: findBash(PATH), at: now };
  const { bash } = found;
  return bash === undefined
    ? { program: '/bin/sh', argv0: '/bin/sh', args: ['-c', shellLauncher, 'sh', script] }
    : { program: bash, argv0: 'bash', args: ['-e', '-c', script] };
}

/** Many short jobs look in the same folders. */
let found: {
  readonly PATH: string | undefined;
  readonly bash: string | undefined;
  readonly at: number;
} | null = null;
const foundForMs = 1_000;

function findBash(PATH: string | undefined): string | undefined {
  const folders = PATH?.split(':') ?? [];
  // What is relative to where the job begins, its shell may look for.
  if (!folders.every((folder) => path.isAbsolute(folder))) return undefined;
  return folders.map((folder) => path.join(folder, 'bash')).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

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
  if (script.includes('\0')) {
    throw new DstackError('bad-commands', 'the commands contain a zero byte', {
      hint: 'remove it: no shell can be given one',
    });
  }
  if (Buffer.byteLength(script) > maxScriptBytes) {
    throw new DstackError('bad-commands', 'the commands are longer than 128 KiB', {
      hint: 'put them into a script file and run that',
    });
  }
  return script;
}
