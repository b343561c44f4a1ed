import { usageError } from '../errors.ts';

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
