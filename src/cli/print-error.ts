import { DstackError } from '../errors.ts';
import { requireGit } from '../git/git-version.ts';
import { paint, say } from './terminal.ts';

/** Prints a failure in one to three lines; with `verbose` the whole stack. @returns the exit code */
export async function printError(failure: unknown, verbose: boolean): Promise<number> {
  const error = await rootOf(failure);
  const message = error instanceof Error ? error.message : String(error);
  say(`${paint('red', 'error:')} ${message}`);
  const hint = error instanceof DstackError ? error.hint : (systemHint(error) ?? bugHint);
  if (hint) say(`${paint('cyan', ' hint:')} ${hint}`);
  if (verbose && error instanceof Error) say(String(error.stack));
  return error instanceof DstackError ? error.exitCode : 1;
}

const bugHint = 'this looks like a bug in dstack: run it again with --verbose, and report what it prints';

/** Git's own failures may come of its age, which is looked up only now. */
async function rootOf(failure: unknown): Promise<unknown> {
  const ofGit = failure instanceof DstackError ? /^(git-failed|not-a-repository)$/.test(failure.code) : true;
  if (!ofGit) return failure;
  try {
    await requireGit();
    return failure;
  } catch (error) {
    return error instanceof DstackError && error.code === 'git-too-old' ? error : failure;
  }
}

const systemHints: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room, then try again',
  EDQUOT: 'your quota of that disk is used up: make room, then try again',
  EROFS: 'that file system can only be read',
  EACCES: 'you have no right to do that there',
  EPERM: 'you have no right to do that there',
  EMFILE: 'too many files are open: raise the limit (ulimit -n), then try again',
};

/** What the operating system refuses is no bug. */
function systemHint(error: unknown): string | undefined {
  return systemHints[(error as NodeJS.ErrnoException | null)?.code ?? ''];
}
