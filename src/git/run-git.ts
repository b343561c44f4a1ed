import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { diskFull, saysDiskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import { outcomeOf, whyNotStarted } from './child-outcome.ts';
import { type End, endAtExit, endWhenAborted, killGroup, watchOutput } from './end-process.ts';
import { hasTerminal } from './has-terminal.ts';
import { noProgress, wasKilled } from './transfer-failure.ts';

/** How a Git command ended. A non-zero exit is a value; only a failure to start throws. */
export interface GitResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface GitOptions {
  /** Where to run; with `gitDir` it matters only for relative paths. */
  cwd?: string | undefined;
  /** A (bare) repository's own folder; otherwise Git looks upwards from `cwd`. */
  gitDir?: string | undefined;
  workTree?: string | undefined;
  /** An index file instead of the repository's own. */
  indexFile?: string | undefined;
  env?: Record<string, string> | undefined;
  input?: string | Uint8Array | undefined;
  signal?: AbortSignal | undefined;
  /** It may have to ask for a password: it stays in the terminal's foreground, where a Ctrl+C reaches it, too. */
  mayAsk?: boolean | undefined;
  /** Milliseconds without output after which it is ended, with all that it has started: a failure like any other. */
  silenceLimit?: number | undefined;
}

/**
 * Variables by which a caller (a hook, a user's shell) would point our Git at another repository or index:
 * `git rev-parse --local-env-vars`, and those that would make output or behaviour depend on the user.
 */
const foreignVariables = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_CONFIG',
  'GIT_OBJECT_DIRECTORY',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_GRAFT_FILE',
  'GIT_INDEX_FILE',
  'GIT_INDEX_VERSION',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_REPLACE_REF_BASE',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_COMMON_DIR',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_NAMESPACE',
  'GIT_LITERAL_PATHSPECS',
  'GIT_GLOB_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_ICASE_PATHSPECS',
  'GIT_EXTERNAL_DIFF',
  'GIT_DIFF_OPTS',
  'GIT_EDITOR',
  'GIT_PAGER',
  'GIT_TRACE',
] as const;

/** Settings that came with the call: of no matter to plumbing. But they may say how one logs in elsewhere. */
const settingsVariables = ['GIT_CONFIG_PARAMETERS', 'GIT_CONFIG_COUNT'] as const;

/** Settings that keep a user's configuration from changing what our plumbing does. */
const fixedSettings = ['-c', 'core.quotePath=false', '-c', 'advice.detachedHead=false', '-c', 'gc.auto=0'];

/** The environment for a Git process of ours: English messages, no prompts, this repository and no other. */
export function gitEnvironment(options: GitOptions = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of foreignVariables) delete env[name];
  if (options.mayAsk !== true) for (const name of settingsVariables) delete env[name];
  env.LC_ALL = 'C.UTF-8';
  env.GIT_TERMINAL_PROMPT ??= '0';
  env.GIT_OPTIONAL_LOCKS = '0';
  if (options.gitDir !== undefined) env.GIT_DIR = options.gitDir;
  if (options.workTree !== undefined) env.GIT_WORK_TREE = options.workTree;
  if (options.indexFile !== undefined) env.GIT_INDEX_FILE = options.indexFile;
  return { ...env, ...options.env };
}

/** Arguments of every Git call of ours, in front of the given ones. */
export function gitArguments(args: readonly string[]): string[] {
  return [...fixedSettings, ...args];
}

/**
 * Runs Git without a shell and waits for it.
 * @throws DstackError `git-missing` if there is no Git, `interrupted` if `signal` fired.
 */
export async function runGit(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { silenceLimit, mayAsk = false } = options;
  const foreground = mayAsk && hasTerminal();
  let child: ChildProcessWithoutNullStreams;
  try {
    child = spawn('git', gitArguments(args), {
      cwd: options.cwd ?? options.gitDir ?? process.cwd(),
      env: gitEnvironment(options),
      stdio: 'pipe',
      // In a group of its own a Ctrl+C, which is for us to answer, doesn't break it in the middle.
      detached: !foreground,
    });
  } catch (error) {
    // Too long a command line, say.
    return notRun((error as NodeJS.ErrnoException).code);
  }
  if (child.pid === undefined) {
    const error = await whyNotStarted(child);
    if (error.code === 'ENOENT') throw gitMissing(options.cwd, error);
    return notRun(error.code);
  }
  // What Git has started, a filter perhaps, holds its output open and would be waited for.
  const end: End = (signal) => {
    if (foreground) child.kill(signal);
    else killGroup(child.pid, signal);
  };
  const isCancelled = endWhenAborted(child, end, options.signal);
  const release = mayAsk ? endAtExit(() => end('SIGTERM')) : undefined;
  const watch = silenceLimit === undefined ? null : watchOutput(child, end, silenceLimit);
  const { exitCode, signal, stdout, stderr } = await outcomeOf(child, options.input ?? '', end);
  release?.();
  watch?.release();
  // Git may still have ended with an exit code of its own, even with 0.
  if (isCancelled()) throw new DstackError('interrupted', 'interrupted', { exitCode: 130 });
  if (watch?.hasFired) {
    const words = `${noProgress} for ${Math.ceil((silenceLimit ?? 0) / 1000)} s`;
    return { exitCode: 128, stdout, stderr: `${stderr}\nfatal: ${words}\n` };
  }
  if (exitCode !== null) return { exitCode, stdout, stderr };
  return notRun(signal ?? undefined, stdout, stderr);
}

/** Killed by a signal, or never started: to callers the same as any other failure. */
function notRun(why: string = 'no exit code', stdout: Buffer = Buffer.alloc(0), stderr = ''): GitResult {
  return { exitCode: 128, stdout, stderr: `${stderr}\nfatal: ${wasKilled} (${why})\n` };
}

/**
 * Runs Git and returns its output as text without the final newline.
 * @throws DstackError `disk-full`, or `git-failed` with Git's own words, on a non-zero exit.
 */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const result = await runGit(args, options);
  if (result.exitCode !== 0) throw gitFailed(args, result, options.gitDir ?? options.cwd);
  return result.stdout.toString('utf8').replace(/\n$/, '');
}

/**
 * The error for a Git command that should not have failed.
 * @param folder where it wrote, for a disk that is full
 */
export function gitFailed(args: readonly string[], result: GitResult, folder = process.cwd()): DstackError {
  if (saysDiskFull(result.stderr)) return diskFull(folder);
  const words = result.stderr.trim() || `exit code ${result.exitCode}`;
  return new DstackError('git-failed', `git ${args[0] ?? ''} failed: ${words}`, { hint: remedyFor(words) });
}

/** What helps against what Git says, as far as its words tell. */
function remedyFor(words: string): string {
  if (/permission denied/i.test(words)) return 'give this user the right to read and write there';
  if (/\.lock'?: File exists/.test(words))
    return 'another Git is at work there: try again; if none is, remove that lock';
  return 'these are the words of Git: `git fsck` in that repository tells whether it is damaged';
}

function gitMissing(cwd: string | undefined, cause: unknown): DstackError {
  return new DstackError('git-missing', `Git could not be started${cwd ? ` in ${cwd}` : ''}`, {
    hint: 'install Git 2.34 or newer, and check that the folder exists',
    cause,
  });
}
