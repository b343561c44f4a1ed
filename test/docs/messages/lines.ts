// What dstack says that is no error: lines on the terminal, in logs, and what is wrong in a file of `.dstack/`.
import ts from 'typescript';
import { propertyOf } from './errors.ts';
import { visit, wordsOf } from './words.ts';

/** Where it is read. */
export type Place = 'workflow files' | 'terminal' | 'log of a job' | 'log of a runner';

export interface Line {
  readonly place: Place;
  readonly text: string;
  /** From the root of the repository. */
  readonly file: string;
}

/** Every such line of the source whose words stand in it, sorted by text. */
export function linesIn(parsed: readonly ts.SourceFile[]): Line[] {
  const lines = parsed.flatMap((source) => {
    const found: Line[] = [];
    visit(source, (node) => {
      const said = saidBy(node, source.fileName);
      if (!said) return;
      for (const text of wordsOf(said.words, new Map())) {
        if (/\p{L}{2}.* /u.test(text.replace(/‹[^›]*›/g, '')))
          found.push({ place: said.place, text, file: source.fileName });
      }
    });
    return found;
  });
  const unique = new Map(lines.map((line) => [`${line.place}\0${line.text}`, line]));
  return [...unique.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
}

function saidBy(node: ts.Node, file: string): { place: Place; words: ts.Expression | undefined } | null {
  if (ts.isObjectLiteralExpression(node) && file.startsWith('src/language/')) {
    const [span, words] = [propertyOf(node, 'span'), propertyOf(node, 'message')];
    return span && words ? { place: 'workflow files', words } : null;
  }
  if (!ts.isCallExpression(node)) return null;
  const callee = node.expression.getText();
  const [first, second] = node.arguments;
  if (/(^|\.)log\.(info|warn|error)$/.test(callee)) {
    return { place: 'log of a runner', words: first && ts.isObjectLiteralExpression(first) ? second : first };
  }
  if (!/^(say|warn|notice)$/.test(callee)) return null;
  if (file.startsWith('src/cli/') || file.startsWith('src/tui/')) return { place: 'terminal', words: first };
  return /^src\/(runner|executor)\//.test(file) ? { place: 'log of a job', words: first } : null;
}
