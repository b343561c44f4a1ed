import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of dstack's own repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface CodeBlock {
  /** The words behind the fence, such as `['sh', 'laptop']`; none for an indented block. */
  readonly info: readonly string[];
  readonly text: string;
}

export function readDocument(name: string): string {
  return readFileSync(join(root, name), 'utf8');
}

/** The code blocks of a Markdown text, fenced or indented by four blanks, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const pattern = /^```(.*)\n([\s\S]*?)^```$|^(?: {4}.*\n|\n(?= {4}))+/gm;
  return [...markdown.matchAll(pattern)].map(([all, info, text]) =>
    text === undefined
      ? { info: [], text: all.replace(/^ {4}/gm, '') }
      : { info: (info ?? '').split(' ').filter(Boolean), text },
  );
}

/** What stands between single backticks outside of code blocks. */
export function codeSpans(markdown: string): string[] {
  const prose = markdown.replace(/^```.*\n[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string);
}
