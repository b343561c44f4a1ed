import type { Spend } from './budget.ts';
import { quoted, type Report } from './problems.ts';
import type { LocatedText, Span } from './source.ts';

/** What names stand for, seen from one workflow. */
export interface Scope {
  /** The text a name stands for; undefined if it isn't declared, null if its own value is wrong (and reported). */
  get(name: string): string | null | undefined;
  /** Why a declared name isn't to be used here, or null. */
  hidden(name: string): string | null;
  /** Every name there is, for suggestions. */
  readonly names: Iterable<string>;
  readonly spend: Spend;
}

/** `\\` and `\$` and `$$` are left to the shell, as is `$name` of an undeclared name. */
const token =
  /\\[\\$]|\$\$(?!\{\{)|\$\{\{(?<expression>[^{}]{0,200})\}\}|(?<open>\$\{\{)|\$\{(?<braced>[A-Za-z_][\w-]*)\}|\$(?<bare>[A-Za-z_]\w*)/g;
const longestResult = 100_000;

/**
 * Puts in the values of `${{ name }}`, and of `$name` and `${name}` where `name` is declared, as plain text:
 * what is put in isn't looked at again. Null if something is wrong with it, which is reported.
 */
export function interpolate(value: LocatedText, scope: Scope, report: Report): string | null {
  if (!value.text.includes('$')) {
    scope.spend(value.text.length);
    return value.text;
  }
  let sound = true;
  let result = '';
  let end = 0;
  const places = expressionPlaces(value);
  const fail = (at: number, message: string, known?: Iterable<string>, word = ''): string => {
    sound = false;
    report({ span: places(at), message, ...(known && { unknown: { word, known } }) });
    return '';
  };
  for (const match of value.text.matchAll(token)) {
    const replacement = replaceToken(match, scope, fail, () => {
      sound = false;
    });
    result += value.text.slice(end, match.index) + replacement;
    end = match.index + match[0].length;
    // Values made of values made of values: a few lines can stand for more text than memory holds.
    if (result.length > longestResult) break;
  }
  if (result.length <= longestResult) result += value.text.slice(end);
  scope.spend(result.length);
  if (result.length > longestResult) {
    report({ span: value.span, message: 'with its variables put in, this is too long' });
    return null;
  }
  return sound ? result : null;
}

type Fail = (at: number, message: string, known?: Iterable<string>, word?: string) => string;

function replaceToken(match: RegExpMatchArray, scope: Scope, fail: Fail, spoil: () => void): string {
  const at = match.index ?? 0;
  const { expression, open, braced, bare } = match.groups ?? {};
  if (open !== undefined) return fail(at, "after `${{` a variable's name and `}}` are expected");
  const shellName = braced ?? bare;
  if (expression === undefined && shellName === undefined) return match[0];
  const name = expression?.trim() ?? shellName!;
  if (expression !== undefined) {
    const fault = expressionFault(name);
    if (fault) return fail(at, fault);
  }
  const hidden = scope.hidden(name);
  if (hidden) return fail(at, `${quoted(name)} ${hidden}`);
  const found = scope.get(name);
  if (found === null) {
    spoil();
    return '';
  }
  if (found !== undefined) return found;
  if (shellName !== undefined) return match[0];
  return fail(at, `there is no variable ${quoted(name)}`, scope.names, name);
}

function expressionFault(name: string): string | null {
  if (/^secrets\b/.test(name)) return secretFault(name);
  if (/^(?:matrix\.)?[A-Za-z_][\w-]*$/.test(name)) return null;
  const found = name === '' ? 'nothing' : quoted(name);
  return `between \`\${{\` and \`}}\` a variable's name is expected, but here is ${found}`;
}

function secretFault(expression: string): string {
  const name = /^secrets\.([A-Za-z_]\w*)$/.exec(expression)?.[1] ?? 'NAME';
  return `a secret can't be put into a text, which everybody may read; list ${quoted(name)} under \`secrets\`, and the job has it as \`$${name}\` in its environment`;
}

/** Where each `${{` of a text stands in its file, by its index in the text; otherwise the whole value. */
function expressionPlaces({ text, span }: LocatedText): (at: number) => Span {
  let known: Map<number, Span> | undefined;
  const find = (): Map<number, Span> => {
    const inText = occurrences(text, 0, text.length);
    const inFile = occurrences(span.source.text, span.start, span.end);
    // An escape or an alias could make them differ; then nothing is certain.
    if (inText.length !== inFile.length) return new Map();
    return new Map(
      inFile.map((start, i) => {
        const close = span.source.text.slice(start, start + 210).indexOf('}}');
        return [inText[i]!, { ...span, start, end: close < 0 ? start + 3 : start + close + 2 }];
      }),
    );
  };
  return (at) => {
    known ??= find();
    return known.get(at) ?? span;
  };
}

function occurrences(text: string, start: number, end: number): number[] {
  const found: number[] = [];
  for (let at = text.indexOf('${{', start); at >= 0 && at < end; at = text.indexOf('${{', at + 3))
    found.push(at);
  return found;
}
