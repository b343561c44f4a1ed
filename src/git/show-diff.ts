import { gitFailed, runGit } from './run-git.ts';

export interface DiffOptions {
  /** A folder of the user's work tree: his settings of `git diff` count, and paths are relative to it. */
  readonly cwd: string;
  readonly colour: boolean;
  /** How many columns a summary by file may take; null: the differences in full. */
  readonly statWidth: number | null;
  /** Only these paths, as Git's pathspecs. */
  readonly paths: readonly string[];
}

/**
 * What `git diff` prints of two commits that are in the local repository. Foreign text, with whatever control characters the
 * files have.
 */
export async function showDiff(before: string, after: string, options: DiffOptions): Promise<Buffer> {
  const { cwd, colour, statWidth, paths } = options;
  const args = [
    ...['diff', `--color=${colour ? 'always' : 'never'}`, '--no-ext-diff'],
    ...(statWidth === null ? ['--patch'] : [`--stat=${statWidth}`]),
    ...['--end-of-options', before, after, '--', ...paths],
  ];
  const result = await runGit(args, { cwd });
  if (result.exitCode !== 0) throw gitFailed(args, result);
  return result.stdout;
}

/** The program that shows long texts page by page, as Git would choose it: a command for the shell. */
export async function pagerOf(cwd: string): Promise<string> {
  const chosen = process.env.GIT_PAGER;
  const result = await runGit(['var', 'GIT_PAGER'], { cwd, env: chosen ? { GIT_PAGER: chosen } : {} });
  return result.exitCode === 0 ? result.stdout.toString('utf8').trim() : 'cat';
}
