import { interpolate, type Scope } from './interpolation.ts';
import { quoted, type Report } from './problems.ts';
import type { Program } from './program.ts';
import { shellQuote } from './shell-quote.ts';
import type { LocatedText } from './source.ts';

/** What `provider: bash` and `provider: python` run in unless told otherwise. */
const defaultPython = '3.12';

/** The container image, or null for a job that runs as a plain process. */
export function programImage(program: Program, scope: Scope, report: Report): string | null {
  const { image } = program;
  if (image === null) return null;
  if (image === 'default') {
    const version = program.kind === 'python' && program.version;
    return checkImage(
      version ? `python:${interpolate(version, scope, report)}-slim` : `python:${defaultPython}-slim`,
      version || null,
      report,
    );
  }
  const text = interpolate(image, scope, report);
  return text && checkImage(text, image, report);
}

function checkImage(image: string, written: LocatedText | null, report: Report): string {
  // Whether it exists, only Docker knows; this much it could misunderstand.
  if (written && !/^[^\s\p{Cc}-][^\s\p{Cc}]*$/u.test(image)) {
    report({ span: written.span, message: `${quoted(image)} can't be the name of an image` });
  }
  return image;
}

/** What is started in place of the image's entrypoint, if anything is said; of GitLab's `[""]` nothing is left. */
export function programEntrypoint(
  entrypoint: readonly LocatedText[] | null,
  scope: Scope,
  report: Report,
): { entrypoint?: string[] } {
  if (entrypoint === null) return {};
  const words = entrypoint.map((word) => interpolate(word, scope, report) ?? '');
  return { entrypoint: words.join('') === '' ? [] : words };
}

/** The command lines, one shell executes them all. What was written into a command is put in as it is. */
export function programCommands(program: Program, scope: Scope, report: Report): string[] {
  const fill = (value: LocatedText) => interpolate(value, scope, report) ?? '';
  if (program.kind === 'commands') return program.commands.map(fill);
  const word = (value: LocatedText) => shellQuote(fill(value));
  const { file, args, requirements } = program;
  if (Array.isArray(args)) for (const arg of args) reportSeveralWords(arg, report);
  const words = args === null ? [] : 'text' in args ? [fill(args).trim()] : args.map(word);
  const install = requirements ? [`pip install -r ${word(requirements)}`] : [];
  return [...install, ['python', word(file), ...words].join(' ')];
}

function reportSeveralWords(arg: LocatedText, report: Report): void {
  if (!/\$\{\{\s*variables_as_args\s*\}\}|\$\{?variables_as_args\b/.test(arg.text)) return;
  const message =
    '`variables_as_args` is several words, but each item of `args` is one; write `args` as one text';
  report({ span: arg.span, message });
}
