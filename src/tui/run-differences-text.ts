import type { JobPair, RunDifferences } from '../ledger/diff-runs.ts';
import type { Difference } from '../ledger/differences.ts';
import { plainText } from '../terminal-text.ts';
import { paint } from './colours.ts';
import { differencesText } from './differences-text.ts';
import { type Glyphs, unicodeGlyphs } from './glyphs.ts';
import { type JobChange, jobChanges } from './job-changes.ts';
import { formatTable } from './table.ts';

export interface RunDifferencesOptions {
  /** The names of the two. */
  readonly before: string;
  readonly after: string;
  /** Milliseconds since 1970; counts for jobs that have not ended. */
  readonly now: number;
  /** Terminal columns; without it nothing is cut. */
  readonly width?: number | undefined;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
}

/** More jobs than this are counted instead of named. */
const mostNames = 4;

/** What was asked for, as far as it differs, job by job; what is the same for several jobs is told once. */
export function inputsText(jobs: readonly JobPair[], options: RunDifferencesOptions): string {
  const { colour, glyphs } = options;
  const title = paint('bold', 'Inputs', colour);
  const common = jobs.filter(({ before, after }) => before && after);
  const groups = groupsOf(common);
  if (groups.length === 0) return common.length > 0 ? `${title}: the same\n` : '';
  const sections = groups.map(({ names, differences }) => {
    const who = names.length > 1 && names.length === common.length ? 'all jobs' : namesText(names);
    const text = differencesText(differences, '    ');
    return `  ${who}:\n${glyphs === unicodeGlyphs ? text : text.replaceAll('→', glyphs.arrow).replaceAll('…', '...')}`;
  });
  return `${title}\n${sections.join('')}`;
}

/** The differences that the same jobs have in common, the most common ones first. */
function groupsOf(
  jobs: readonly JobPair[],
): { readonly names: readonly string[]; readonly differences: readonly Difference[] }[] {
  const having = new Map<string, { difference: Difference; names: string[] }>();
  for (const { name, differences } of jobs) {
    for (const difference of differences) {
      const key = JSON.stringify(difference);
      const known = having.get(key) ?? { difference, names: [] };
      having.set(key, known);
      known.names.push(name);
    }
  }
  const groups = new Map<string, { names: readonly string[]; differences: Difference[] }>();
  for (const { difference, names } of having.values()) {
    const key = JSON.stringify(names);
    const group = groups.get(key) ?? { names, differences: [] };
    groups.set(key, group);
    group.differences.push(difference);
  }
  return [...groups.values()].sort((a, b) => b.names.length - a.names.length);
}

function namesText(names: readonly string[]): string {
  const shown = names.length > mostNames ? names.slice(0, mostNames - 1) : names;
  const more = names.length - shown.length;
  return [...shown.map(plainText), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** What came of the jobs, as far as it differs: the two beside each other. */
export function outcomesText(jobs: readonly JobPair[], options: RunDifferencesOptions): string {
  const { before, after, now, width, colour, glyphs } = options;
  const title = paint('bold', 'Outcomes', colour);
  const rows = jobs.flatMap((job) =>
    jobChanges(job, now).map((change, index) => [index === 0 ? job.name : '', ...cells(change)]),
  );
  if (rows.length === 0) return jobs.length > 0 ? `${title}: the same\n` : '';
  const columns = [
    { title: 'JOB', least: 6 },
    { title: 'WHAT', least: 6 },
    { title: before, least: 5 },
    { title: after, least: 5 },
    { title: 'CHANGE', least: 5, optional: true as const },
  ];
  const table = formatTable(columns, rows, { width, colour, ellipsis: glyphs.ellipsis });
  return `${title}\n${table}`;
}

const cells = ({ what, before, after, change }: JobChange): string[] => [
  ...[what, before === '' ? '-' : before, after === '' ? '-' : after],
  change,
];

/** The title above what Git says of the code, or that there is nothing to say. */
export function codeTitle({ files, bases }: RunDifferences, options: RunDifferencesOptions): string {
  const title = paint('bold', 'Code', options.colour);
  const [was, is] = [bases.before, bases.after].map((id) => id?.slice(0, 8) ?? 'no commit');
  const on = was === is ? '' : ` (on top of ${was} ${options.glyphs.arrow} ${is})`;
  return files.length === 0 ? `${title}: the same${on}\n` : `${title}${on}\n`;
}
