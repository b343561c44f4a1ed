import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { nearest } from './nearest.ts';
import { positionOf, type Span } from './source.ts';

/** Something wrong in a file: what and what was expected, one line, without the position. */
export interface Problem {
  readonly span: Span;
  readonly message: string;
  /** An unknown word and those that would have been right: the nearest one is offered, or all. */
  readonly unknown?: { readonly word: string; readonly known: Iterable<string> };
  /** Other places that have a part in it. */
  readonly notes?: readonly { readonly span: Span; readonly message: string }[];
}

export type Report = (problem: Problem) => void;

/** Beyond these, errors rather hide the first one than help. */
const shownAtMost = 100;
const lineWidth = 100;

/** Every cell of a matrix finds the same again: each is kept once, and not more than anybody looks at. */
const keptAtMost = 1000;

/** Collects problems, to be thrown together. */
export function createReport(): { report: Report; problems: () => readonly Problem[] } {
  const distinct = new Map<string, Problem>();
  const report: Report = (problem) => {
    if (distinct.size >= keptAtMost) return;
    const { span, message } = problem;
    const identity = `${span.source.path} ${span.start} ${message}`;
    if (!distinct.has(identity)) distinct.set(identity, problem);
  };
  return { report, problems: () => [...distinct.values()] };
}

/** Throws all problems as one `invalid-workflows`, in the order of their places; does nothing without any. */
export function throwProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const paths = [...new Set(problems.map((problem) => problem.span.source.path))];
  const order = (problem: Problem) => paths.indexOf(problem.span.source.path);
  const sorted = [...problems].sort((a, b) => order(a) - order(b) || a.span.start - b.span.start);
  const shown = sorted.slice(0, shownAtMost).map(describeProblem);
  if (sorted.length > shownAtMost) shown.push(`… and ${sorted.length - shownAtMost} more`);
  throw new DstackError('invalid-workflows', shown.join('\n'), {
    hint: `correct ${paths.map(plainText).join(' and ')}, then try again`,
  });
}

/** `file:line:column: message`, the source line, a caret under the place; the same for each note. */
export function describeProblem(problem: Problem): string {
  const message = problem.message + (problem.unknown ? suggest(problem.unknown) : '');
  return [{ span: problem.span, message }, ...(problem.notes ?? [])].map(describePlace).join('\n');
}

function suggest({ word, known }: NonNullable<Problem['unknown']>): string {
  const all = [...known];
  const guess = nearest(word, all);
  if (guess !== null) return `; did you mean ${quoted(guess)}?`;
  return all.length > 0 ? `; expected ${all.length > 1 ? 'one of ' : ''}${listed(all)}` : '';
}

/** `file:line:column` of where a span begins. */
export function placeOf(span: Span): string {
  const { line, column } = positionOf(span);
  return `${plainText(span.source.path)}:${line}:${column}`;
}

function describePlace({ span, message }: { span: Span; message: string }): string {
  const { line, lineText, from, to } = positionOf(span);
  // A window, so that a line of a megabyte doesn't bury the error.
  const start = lineText.length <= lineWidth ? 0 : Math.max(0, from - Math.floor(lineWidth / 2));
  const show = (text: string) => plainText(text.replaceAll('\t', ' '));
  const before = show(lineText.slice(start, from));
  const marked = show(lineText.slice(from, Math.min(to, start + lineWidth)));
  const after = show(lineText.slice(to, Math.max(to, start + lineWidth)));
  const gutter = String(line);
  return [
    `${placeOf(span)}: ${plainText(message)}`,
    `  ${gutter} | ${before}${marked}${after}`,
    `  ${' '.repeat(gutter.length)} | ${' '.repeat(before.length)}${'^'.repeat(Math.max(1, marked.length))}`,
  ].join('\n');
}

/** A user's word within a message: in back quotes, shortened. */
export function quoted(word: string): string {
  const oneLine = word.replaceAll('\n', ' ');
  return `\`${oneLine.length > 60 ? `${oneLine.slice(0, 59)}…` : oneLine}\``;
}

/** `a, b, c`, shortened where there are too many to read. */
export function listed(words: readonly string[]): string {
  const shown = words.slice(0, 20).map(plainText);
  return shown.join(', ') + (words.length > shown.length ? `, and ${words.length - shown.length} more` : '');
}
