// The list of all that dstack says, as docs/messages.md has it.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { root } from '../markdown.ts';
import { errorsIn, type Message } from './errors.ts';
import { type Line, linesIn, type Place } from './lines.ts';

export interface Said {
  readonly errors: readonly Message[];
  readonly lines: readonly Line[];
}

/** All that the source says. */
export function saidBySource(): Said {
  const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => path.posix.join('src', name))
    .filter((name) => /\.tsx?$/.test(name))
    .sort();
  return saidBy(new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')])));
}

/** @param sources text by path */
export function saidBy(sources: ReadonlyMap<string, string>): Said {
  const parsed = [...sources].map(([file, text]) =>
    ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true),
  );
  return { errors: errorsIn(parsed), lines: linesIn(parsed) };
}

const places: Readonly<Record<Place, string>> = {
  'workflow files': 'What can be wrong in `.dstack/`',
  terminal: 'Said on the terminal',
  'log of a job': 'Said in the log of a job',
  'log of a runner': 'Said in the log of a runner',
};

/** The lists of docs/messages.md. */
export function printSaid({ errors, lines }: Said): string {
  const codes = [...new Set(errors.map(({ code }) => code))];
  const parts = codes.map((code) => {
    const own = errors
      .filter((error) => error.code === code)
      .map(({ texts, hints }) => {
        const next = hints.length > 0 ? ` → ${either(hints)}` : '';
        return `- ${either(texts)}${next}`;
      });
    return `### \`${code}\`\n\n${[...new Set(own)].join('\n')}`;
  });
  const said = Object.entries(places).map(([place, title]) => {
    const own = lines.filter((line) => line.place === place).map(({ text }) => `- ${plain(text)}`);
    return `## ${title}\n\n${[...new Set(own)].join('\n')}`;
  });
  return `${['## Errors', ...parts, ...said].join('\n\n')}\n`;
}

const either = (texts: readonly string[]) => [...new Set(texts.map(plain))].join(' / ');

/** What would be markup as it is. */
const plain = (text: string) =>
  text.replace(/\s+/g, ' ').replaceAll('<', '&lt;').replaceAll('*', '\\*').trim();
