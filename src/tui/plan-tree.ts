import { plainText } from '../terminal-text.ts';
import { paint } from './colours.ts';
import { type Glyphs, unicodeGlyphs } from './glyphs.ts';

/** What of a job the plan shows; a job of the language and one of the ledger both have it. */
export interface PlannedJob {
  readonly name: string;
  /** Container image; null: a plain process. */
  readonly image: string | null;
  readonly dependsOn: readonly { readonly run: string | null; readonly job: string }[];
}

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
    children.set(parent, [...(children.get(parent) ?? []), job]);
  }
  const lines: string[] = [];
  const draw = (parent: string | null, indent: string): void => {
    const siblings = children.get(parent) ?? [];
    siblings.forEach((job, index) => {
      const last = index === siblings.length - 1;
      const branch = parent === null ? '' : `${last ? glyphs.lastBranch : glyphs.branch} `;
      const others = job.dependsOn.filter(
        (dependency) => dependency.run !== null || dependency.job !== parent,
      );
      const notes = [
        job.image ?? 'process',
        ...(others.length > 0
          ? [
              `after ${others.map(({ run, job: name }) => (run === null ? name : `${run}/${name}`)).join(', ')}`,
            ]
          : []),
      ];
      lines.push(
        `${indent}${branch}${plainText(job.name)}  ${paint('dim', plainText(notes.join('  ')), colour)}\n`,
      );
      draw(job.name, parent === null ? '' : `${indent}${last ? ' ' : glyphs.trunk} `);
    });
  };
  draw(null, '');
  return lines.join('');
}
