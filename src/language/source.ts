/** A text file as it was read; `path` is what people call it, relative to the project. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** A stretch of a source, as UTF-16 offsets, `end` exclusive. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** A text and where it was written, so that a later stage can still point at it. */
export interface LocatedText {
  readonly text: string;
  readonly span: Span;
}

/** Where a span begins, for people: line and column from 1, the column in characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
  /** The source line without its line break, and the part of the span that lies on it. */
  readonly lineText: string;
  readonly from: number;
  readonly to: number;
}

export function positionOf({ source, start, end }: Span): Position {
  const { text } = source;
  const lineStart = start === 0 ? 0 : text.lastIndexOf('\n', start - 1) + 1;
  const nextBreak = text.indexOf('\n', lineStart);
  const lineText = text.slice(lineStart, nextBreak < 0 ? undefined : nextBreak).replace(/\r$/, '');
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < lineStart; at = text.indexOf('\n', at + 1)) line++;
  const from = Math.min(start - lineStart, lineText.length);
  const to = Math.max(from, Math.min(end - lineStart, lineText.length));
  return { line, column: [...lineText.slice(0, from)].length + 1, lineText, from, to };
}
