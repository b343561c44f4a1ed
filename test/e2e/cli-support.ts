import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { startTmux, type Tmux } from '../tui/tmux.ts';
import { type CommandOptions, type Result, type TestProject, until } from './project.ts';

/** The built command line. */
export const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));

/** Nothing of a failure that a person should not see: a few lines, an error and mostly a hint, no stack. */
export function assertForPeople({ stderr }: Result): void {
  assert.match(stderr, /(^|\n)error: \S/);
  assert.not.match(stderr, /\n {4}at |node:internal|looks like a bug/);
  assert.ok(stderr.trimEnd().split('\n').length <= 8, stderr);
}

/** Runs a command that must fail for a person to understand: with this exit code, in words that match all of these. */
export async function fails(
  project: TestProject,
  args: readonly string[],
  expected: { exitCode: number; words: readonly RegExp[] },
  options: CommandOptions = {},
): Promise<Result> {
  const result = await project.dstack(args, options);
  assertForPeople(result);
  assert.is(result.exitCode, expected.exitCode, result.stderr);
  for (const words of expected.words) assert.match(result.stderr, words);
  return result;
}

/** A terminal in the project's work tree, with `dstack` in reach; the exit code of each command follows it. */
export async function openTerminal(project: TestProject, env: Record<string, string> = {}): Promise<Tmux> {
  const own = Object.entries(project.env).filter(([name]) => /^(HOME|XDG_|GIT_)/.test(name));
  const given = Object.fromEntries(own.map(([name, value]) => [name, String(value)]));
  const tmux = startTmux(100, 30, { ...given, ...env });
  tmux.send(
    `PS1='> '; cd '${project.folder}'; dstack() { '${process.execPath}' '${executable}' "$@"; echo "ended with $?"; }; clear`,
    'Enter',
  );
  await tmux
    .until('a prompt', (lines) => lines[0] === '>')
    .catch((error: unknown) => {
      tmux.close();
      throw error;
    });
  return tmux;
}

/**
 * Presses Ctrl+C until a shell's prompt is there again: a program that has only just been started may miss the first.
 * What was typed last is waited for: until it is there the prompt is the one before it.
 */
export async function interrupted(tmux: Tmux, prompt: RegExp): Promise<void> {
  const isAtPrompt = (lines: string[]) => prompt.test(lines.findLast((line) => line !== '') ?? '');
  await tmux.until('the command', (lines) => !isAtPrompt(lines));
  await until('the prompt again', () => {
    if (isAtPrompt(tmux.screen())) return true;
    tmux.send('C-c');
    return false;
  });
}
