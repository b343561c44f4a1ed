import { plainText } from '../terminal-text.ts';
import { paint } from './colours.ts';
import { describeVariables } from './describe.ts';
import { type Glyphs, unicodeGlyphs } from './glyphs.ts';

/** What of a job the plan shows; a job of the language and one of the ledger both have it. */
export interface PlannedJob {
  readonly name: string;
  /** Container image; null: a plain process. */
  readonly image: string | null;
  readonly dependsOn: readonly { readonly run: string | null; readonly job: string }[];
  /** Those of its cell, `matrix.…`, tell it from the others of its matrix. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** What will become of it, and why. */
  readonly note?: string | undefined;
}

/** Deeper ones are not moved further to the right, and of more dependencies than these the rest is counted. */
const deepest = 30;
const mostNames = 3;

/**
 * A plan as a tree, each job once, below what it waits for: what is above and to the left is executed first.
 * Of several dependencies the last in the plan is its parent, the others are named beside it.
 * `jobs` in dependency order. One line a job.
 */
export function planTree(
  jobs: readonly PlannedJob[],
  options: { colour?: boolean | undefined; glyphs?: Glyphs | undefined } = {},
): string {
  const glyphs = options.glyphs ?? unicodeGlyphs;
  const colour = options.colour ?? false;
  const children = new Map<string | null, PlannedJob[]>();
  const place = new Map(jobs.map((job, index) => [job.name, index]));
  const parentOf = (job: PlannedJob) => {
    const own = place.get(job.name) ?? 0;
    let parent: string | null = null;
    for (const dependency of job.dependsOn) {
      const index = dependency.run === null ? place.get(dependency.job) : undefined;
      // Only an earlier job can be a parent: so that even a wrong order ends in a tree.
      if (index === undefined || index >= own) continue;
      if (parent === null || index > (place.get(parent) ?? 0)) parent = dependency.job;
    }
    return parent;
  };
  for (const job of jobs) {
    const parent = parentOf(job);
    const siblings = children.get(parent);
    if (siblings) siblings.push(job);
    else children.set(parent, [job]);
  }
  const lines: string[] = [];
  // Not recursive: a chain of jobs may be longer than the stack is deep.
  const open = levelOf(null, '', 0);
  for (let next = open.pop(); next; next = open.pop()) {
    const { job, parent, last, indent, depth } = next;
    const branch = parent === null ? '' : `${last ? glyphs.lastBranch : glyphs.branch} `;
    const notes = [cellOf(job), job.image ?? 'process', ...afterOthers(job, parent), job.note].filter(
      Boolean,
    );
    lines.push(
      `${indent}${branch}${plainText(job.name)}  ${paint('dim', plainText(notes.join('  ')), colour)}\n`,
    );
    const below = parent === null || depth >= deepest ? indent : `${indent}${last ? ' ' : glyphs.trunk} `;
    for (const child of levelOf(job.name, below, depth + 1)) open.push(child);
  }
  return lines.join('');

  /** The last one first. */
  function levelOf(parent: string | null, indent: string, depth: number) {
    const siblings = children.get(parent) ?? [];
    return siblings
      .map((job, index) => ({ job, parent, last: index === siblings.length - 1, indent, depth }))
      .reverse();
  }
}

/** `seed=1 lr=0.1` */
function cellOf({ variables = {} }: PlannedJob): string {
  const prefix = 'matrix.';
  const values = Object.entries(variables).filter(([name]) => name.startsWith(prefix));
  return describeVariables(
    Object.fromEntries(values.map(([name, value]) => [name.slice(prefix.length), value])),
  );
}

function afterOthers({ dependsOn }: PlannedJob, parent: string | null): string[] {
  const others = dependsOn.filter(({ run, job }) => run !== null || job !== parent);
  if (others.length === 0) return [];
  const names = others.slice(0, mostNames).map(({ run, job }) => (run === null ? job : `${run}/${job}`));
  const more = others.length - names.length;
  return [`after ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}
