import { isFinal, type JobView, type LedgerState, type RunView } from '../ledger/state.ts';
import { jobTree, type TreeLine } from './job-tree.ts';

/** A job at its place in the tree of its run. */
export interface JobRow extends TreeLine<JobView> {
  readonly kind: 'job';
  readonly run: RunView;
}

/** A line of the status tree. */
export type Row = { readonly kind: 'run'; readonly run: RunView; readonly open: boolean } | JobRow;

/** The tree as a flat list, so that drawing and moving touch only what is in view. Newest run first. */
export function listRows(
  state: LedgerState | null,
  open: ReadonlyMap<string, boolean>,
  filter: string,
): readonly Row[] {
  const rows: Row[] = [];
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  for (const run of state?.runs ?? []) {
    if (words.length > 0 && !matches(run, words)) continue;
    const isOpen = open.get(run.name) ?? false;
    rows.push({ kind: 'run', run, open: isOpen });
    if (isOpen) rows.push(...jobRows(run));
  }
  return rows;
}

/** Unfinished runs open as they first appear; after that only the user opens and closes. */
export function openNewRuns(
  state: LedgerState | null,
  open: ReadonlyMap<string, boolean>,
): ReadonlyMap<string, boolean> {
  const fresh = (state?.runs ?? []).filter((run) => !isFinal(run.state) && !open.has(run.name));
  if (fresh.length === 0) return open;
  return new Map([...open, ...fresh.map((run) => [run.name, true] as const)]);
}

/** What identifies a row from one state to the next. */
export function rowKey(row: Row): string {
  return row.kind === 'run' ? row.run.name : `${row.run.name}/${row.job.name}`;
}

const trees = new WeakMap<RunView, readonly JobRow[]>();

function jobRows(run: RunView): readonly JobRow[] {
  const known = trees.get(run);
  if (known !== undefined) return known;
  const rows = jobTree(run.jobs).map((line): JobRow => ({ kind: 'job', run, ...line }));
  trees.set(run, rows);
  return rows;
}

const searchTexts = new WeakMap<RunView, string>();

/** Every word is found somewhere in the run: its name, workflow, state, tags, submitter, variables, jobs, runners. */
function matches(run: RunView, words: readonly string[]): boolean {
  let text = searchTexts.get(run);
  if (text === undefined) {
    const variables = Object.entries(run.variables).map(([name, value]) => `${name}=${value}`);
    const tags = (run.tags ?? []).map((tag) => `:${tag}`);
    const jobs = run.jobs.flatMap((job) => [job.name, job.state, job.runner ?? '']);
    text = [run.name, run.workflow, run.state, run.submittedBy, ...tags, ...variables, ...jobs]
      .join('\n')
      .toLowerCase();
    searchTexts.set(run, text);
  }
  return words.every((word) => text.includes(word));
}
