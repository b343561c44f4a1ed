import { formatDuration } from '../human-units.ts';
import { isFinal, type JobView, type LedgerState, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { paint, stateColour } from './colours.ts';
import { describeVariables, jobReason, personName, runReason, stateWord } from './describe.ts';
import { formatAge, formatBytes, jobDuration, runDuration } from './duration.ts';
import { truncate } from './fit-text.ts';
import { type RunSelection, selectRuns } from './select-runs.ts';
import { type Cell, type Column, formatTable, type TableOptions } from './table.ts';
import { describeUsage } from './usage-text.ts';

export interface StatusTableOptions extends TableOptions, RunSelection {
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The runs as a table, newest first; a line that says what to do if there are none. */
export function statusTable(state: LedgerState, options: StatusTableOptions): string {
  if (state.runs.length === 0) return 'No runs yet. Start one: dstack run WORKFLOW\n';
  const { runs } = selectRuns(state, options);
  const nameOf = repositoryNames(runs.flatMap(({ repository }) => repository ?? []));
  const rows = runs.map((run): Cell[] => [
    run.name,
    run.workflow,
    { text: run.state, style: stateColour(run.state) },
    time(runDuration(run, options.now)),
    formatAge(run.submittedAt, options.now),
    progress(run),
    personName(run.submittedBy),
    describeVariables(run.variables),
    run.repository === undefined ? '' : nameOf(run.repository),
    runReason(run) ?? run.reason ?? '',
  ]);
  return formatTable(
    [
      { title: 'RUN' },
      { title: 'WORKFLOW', least: 8 },
      { title: 'STATE' },
      { title: 'DURATION' },
      { title: 'AGE' },
      { title: 'JOBS', optional: true },
      { title: 'BY', least: 6, optional: true },
      { title: 'VARIABLES', least: 9, optional: true },
      { title: 'REPOSITORY', least: 10, optional: true },
      { title: 'REASON', least: 8 },
    ],
    rows,
    options,
  );
}

/** The last part of an address tells one from the others, mostly. */
function repositoryNames(addresses: readonly string[]): (address: string) => string {
  const lastPart = (address: string) => address.replace(/(\/|\.git)+$/, '').replace(/^.*[/:]/, '') || address;
  const different = new Set(addresses);
  const areClear = new Set([...different].map(lastPart)).size === different.size;
  return areClear ? lastPart : (address) => address;
}

export interface RunTableOptions extends TableOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The values of cells of a matrix, by the names of their jobs. */
  readonly cells?: ReadonlyMap<string, Readonly<Record<string, string>>> | undefined;
}

/** One run: what it is, then its jobs as a table, in dependency order. */
export function runTable(run: RunView, options: RunTableOptions): string {
  const facts: [string, string, ReturnType<typeof stateColour>?][] = [
    ['Run', run.name],
    ['Workflow', run.workflow],
    ['State', run.state, stateColour(run.state)],
    ['Submitted', `${run.submittedAt} by ${run.submittedBy} (${formatAge(run.submittedAt, options.now)})`],
    ['Duration', time(runDuration(run, options.now))],
    ['Variables', describeVariables(run.variables)],
    ['Priority', String(run.jobs.find(({ priority }) => priority !== undefined)?.priority ?? '')],
    ['Reason', run.reason ?? ''],
    ['Commit', run.commit],
  ];
  const colour = options.colour ?? false;
  const head = facts
    .filter(([, text]) => text !== '')
    .map(([title, text, style]) => {
      const shown = truncate(plainText(text), (options.width ?? Number.POSITIVE_INFINITY) - 11);
      return `${paint('bold', `${title}:`.padEnd(11), colour)}${paint(style, shown, colour)}\n`;
    });
  const rows = run.jobs.map((job): Cell[] => [
    job.name,
    describeVariables(options.cells?.get(job.name) ?? {}),
    { text: stateWord(job), style: stateColour(job.state) },
    time(jobDuration(job, options.now)),
    job.runner ?? '',
    job.attempt > 0 ? String(job.attempt) : '',
    job.usage ? describeUsage(job.usage) : '',
    artifactsOf(job, options.now),
    jobReason(job) ?? '',
  ]);
  const columns: Column[] = [
    { title: 'JOB' },
    { title: 'MATRIX', least: 10, optional: true },
    { title: 'STATE' },
    { title: 'DURATION' },
    { title: 'RUNNER', least: 6 },
    { title: 'ATTEMPT', optional: true },
    { title: 'USED', optional: true },
    { title: 'ARTIFACTS', least: 9, optional: true },
    { title: 'REASON', least: 8 },
  ];
  return `${head.join('')}\n${formatTable(columns, rows, options)}`;
}

/** What it has left; before its end what is saved so far. */
function artifactsOf({ artifacts, saved }: JobView, now: number): string {
  const there = artifacts ?? saved;
  if (!there) return '';
  const when = artifacts === null && saved?.at ? `, saved ${formatAge(saved.at, now)}` : '';
  return `${there.files} (${formatBytes(there.bytes)}${when})`;
}

function progress(run: RunView): string {
  return `${run.jobs.filter((job) => isFinal(job.state)).length}/${run.jobs.length}`;
}

function time(ms: number | null): string {
  return ms === null ? '-' : formatDuration(ms);
}
