import { DstackError, usageError } from '../errors.ts';
import { nearest } from '../language/nearest.ts';

/**
 * Takes apart what is left of `dstack run`'s command line once its own options are gone:
 * `--learning-rate 0.1`, `--learning-rate=0.1`, and the workflow's name wherever it stands.
 * @throws DstackError `missing-value`, `unexpected-argument` (usage)
 */
export function parseVariableOptions(words: readonly string[]): {
  workflow: string | null;
  overrides: Record<string, string>;
} {
  let workflow: string | null = null;
  const overrides: Record<string, string> = {};
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as string;
    const option = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word);
    if (option) {
      const name = option[1] as string;
      const value = option[2] ?? words[++index];
      if (value === undefined) {
        throw usageError(
          'missing-value',
          `the option --${name} needs a value`,
          `write it as --${name} VALUE`,
        );
      }
      overrides[name] = value;
    } else if (/^-[A-Za-z]/.test(word)) {
      throw usageError(
        'unexpected-argument',
        `there is no option ${word}`,
        '`dstack run --help` lists the options',
      );
    } else if (workflow === null) {
      workflow = word;
    } else {
      throw usageError(
        'unexpected-argument',
        `one workflow at a time: ${workflow} or ${word}?`,
        'start one, then the other; variables are written as --NAME VALUE',
      );
    }
  }
  return { workflow, overrides };
}

const ofOptions: ReadonlySet<string> = new Set([
  ...['missing-value', 'unexpected-argument', 'unknown-variable', 'missing-workflow', 'missing-run'],
]);

/**
 * What `--no-cahe` leads to, which looks like a variable, with the option that may be meant.
 * @param words of the command line, without the options that are known
 * @param options those that the command has
 */
export function guessOption(error: unknown, words: readonly string[], options: readonly string[]): unknown {
  if (!(error instanceof DstackError) || !ofOptions.has(error.code)) return error;
  if (error.message.includes('did you mean')) return error;
  const names = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=[\s\S]*/, ''));
  const guess = names.map((name) => nearest(name, options)).find((option) => option !== null);
  if (!guess) return error;
  const { code, message, hint, exitCode } = error;
  return new DstackError(code, message, { hint: `did you mean ${guess}? if not: ${hint}`, exitCode });
}
