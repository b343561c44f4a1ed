import type { Glyphs } from './glyphs.ts';

/** What of a job its place in the tree follows from. */
export interface TreeJob {
  readonly name: string;
  readonly dependsOn: readonly { readonly run: string | null; readonly job: string }[];
}

/** A job at its place in the tree of what depends on what. */
export interface TreeLine<Job extends TreeJob> {
  readonly job: Job;
  /** The dependency below which it stands; null: it has none in its run. */
  readonly parent: string | null;
  /** Is it the last one below its parent? */
  readonly last: boolean;
  /** For each level between the roots and its own: does that go on further down? */
  readonly trunks: readonly boolean[];
}

/** Deeper ones are not moved further to the right, and of more dependencies than these the rest is counted. */
const deepest = 30;
const mostNames = 3;

/**
 * Jobs as a tree, each once, below what it waits for: what is above and to the left is executed first. Of several
 * dependencies the last in the plan is its parent; the others are told by {@link afterOthers}.
 * @param jobs in dependency order
 */
export function jobTree<Job extends TreeJob>(jobs: readonly Job[]): TreeLine<Job>[] {
  const place = new Map(jobs.map((job, index) => [job.name, index]));
  const children = new Map<string | null, Job[]>();
  for (const job of jobs) {
    const parent = parentOf(job, place);
    const siblings = children.get(parent);
    if (siblings) siblings.push(job);
    else children.set(parent, [job]);
  }
  /** The last one first. */
  const level = (parent: string | null, trunks: readonly boolean[]): TreeLine<Job>[] => {
    const siblings = children.get(parent) ?? [];
    return siblings
      .map((job, index) => ({ job, parent, last: index === siblings.length - 1, trunks }))
      .reverse();
  };
  const lines: TreeLine<Job>[] = [];
  // Not recursive: a chain of jobs may be longer than the stack is deep.
  const open = level(null, []);
  for (let next = open.pop(); next; next = open.pop()) {
    lines.push(next);
    const { job, parent, trunks, last } = next;
    const below = parent === null || trunks.length >= deepest ? trunks : [...trunks, !last];
    for (const child of level(job.name, below)) open.push(child);
  }
  return lines;
}

/** What stands before the name of a job in a tree: the lines that lead to it. */
export function treeGuides(line: Omit<TreeLine<TreeJob>, 'job'>, glyphs: Glyphs): string {
  const { parent, last, trunks } = line;
  const above = trunks.map((goesOn) => `${goesOn ? glyphs.trunk : ' '} `).join('');
  return parent === null ? above : `${above}${last ? glyphs.lastBranch : glyphs.branch} `;
}

/** What a job waits for beside its parent in the tree: `after a, b, c and 2 more`; empty: nothing. */
export function afterOthers({ job, parent }: TreeLine<TreeJob>): string {
  const others = job.dependsOn.filter((one) => one.run !== null || one.job !== parent);
  if (others.length === 0) return '';
  const names = others
    .slice(0, mostNames)
    .map((one) => (one.run === null ? one.job : `${one.run}/${one.job}`));
  const more = others.length - names.length;
  return `after ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function parentOf(job: TreeJob, place: ReadonlyMap<string, number>): string | null {
  const own = place.get(job.name) ?? 0;
  let parent: string | null = null;
  for (const dependency of job.dependsOn) {
    const index = dependency.run === null ? place.get(dependency.job) : undefined;
    // Only an earlier job can be a parent: so that even a wrong order ends in a tree.
    if (index === undefined || index >= own) continue;
    if (parent === null || index > (place.get(parent) ?? 0)) parent = dependency.job;
  }
  return parent;
}
