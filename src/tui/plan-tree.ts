import { plainText } from '../terminal-text.ts';
import { paint } from './colours.ts';
import { describeVariables } from './describe.ts';
import { type Glyphs, unicodeGlyphs } from './glyphs.ts';
import { afterOthers, jobTree, type TreeJob, treeGuides } from './job-tree.ts';

/** What of a job the plan shows; a job of the language and one of the ledger both have it. */
export interface PlannedJob extends TreeJob {
  /** Container image; null: a plain process. */
  readonly image: string | null;
  /** Those of its cell, `matrix.…`, tell it from the others of its matrix. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** What will become of it, and why. */
  readonly note?: string | undefined;
}

/**
 * A plan as a tree, each job once, below what it waits for; what else it waits for is named beside it.
 * `jobs` in dependency order. One line a job.
 */
export function planTree(
  jobs: readonly PlannedJob[],
  options: { colour?: boolean | undefined; glyphs?: Glyphs | undefined } = {},
): string {
  const glyphs = options.glyphs ?? unicodeGlyphs;
  const lines = jobTree(jobs).map((line) => {
    const { job } = line;
    const notes = [cellOf(job), job.image ?? 'process', afterOthers(line), job.note];
    const dim = paint('dim', plainText(notes.filter(Boolean).join('  ')), options.colour ?? false);
    return `${treeGuides(line, glyphs)}${plainText(job.name)}  ${dim}\n`;
  });
  return lines.join('');
}

/** `seed=1 lr=0.1` */
export function cellOf({ variables = {} }: Pick<PlannedJob, 'variables'>): string {
  const prefix = 'matrix.';
  const values = Object.entries(variables).filter(([name]) => name.startsWith(prefix));
  return describeVariables(
    Object.fromEntries(values.map(([name, value]) => [name.slice(prefix.length), value])),
  );
}
