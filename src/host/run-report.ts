import { formatDuration } from '../human-units.ts';
import { asBlock, asCode, asTable } from './markdown.ts';

/** What is told of a job. Times are ISO 8601. */
export interface ReportedJob {
  readonly name: string;
  readonly state: string;
  readonly reason: string | null;
  readonly runner: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly cachedFrom: { readonly run: string; readonly job: string } | null;
  /** The last values of what it measured. */
  readonly metrics?: Readonly<Record<string, number | string | boolean>> | null;
}

/** What is told of a run. */
export interface ReportedRun {
  readonly name: string;
  readonly workflow: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly submittedBy: string;
  readonly reason: string | null;
  readonly state: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly jobs: readonly ReportedJob[];
}

/** The end of a job's output, as plain text. */
export interface LogTail {
  readonly job: string;
  readonly text: string;
}

const ended = new Set(['done', 'cached', 'failed', 'stopped', 'aborted', 'skipped']);
const unhappy = new Set(['failed', 'stopped', 'aborted', 'skipped']);
/** Rows of a table, and metrics in it; GitHub takes 65,535 characters of it. */
const mostRows = 100;
const mostMetrics = 12;
const longestCell = 200;

export function hasEnded({ state }: Pick<ReportedRun, 'state'>): boolean {
  return ended.has(state);
}

/** How a run stands, in plain text on one line: `done in 3m04s`, `running: 1 of 3 jobs has ended`. */
export function headline(run: ReportedRun): string {
  const { state, jobs } = run;
  if (!ended.has(state)) {
    const count = jobs.filter((job) => ended.has(job.state)).length;
    return `${state}${jobs.length > 1 ? `: ${count} of ${jobs.length} jobs ended` : ''}`;
  }
  const took = durationOf(run);
  const first = jobs.find((job) => job.state === state && unhappy.has(state));
  const why = first ? `: ${first.name}${first.reason ? ` ${first.reason}` : ''}` : '';
  return `${state}${took ? ` in ${took}` : ''}${why}`.replace(/\s+/g, ' ');
}

/** Variables, jobs, durations and metrics, as Markdown. */
export function runSummary(run: ReportedRun): string {
  const metrics = [...new Set(run.jobs.flatMap((job) => Object.keys(job.metrics ?? {})))].slice(
    0,
    mostMetrics,
  );
  const variables = Object.entries(run.variables);
  const shown = run.jobs.slice(0, mostRows);
  const rows = shown.map((job) => [
    asCode(cut(job.name)),
    `${symbolOf(job.state)} ${job.state}`,
    durationOf(job),
    asCode(cut(job.runner ?? '')),
    ...metrics.map((name) => asCode(cut(measured(job.metrics?.[name])))),
    asCode(cut(job.cachedFrom ? `from ${job.cachedFrom.run}/${job.cachedFrom.job}` : (job.reason ?? ''))),
  ]);
  const lines = [
    `Run ${asCode(run.name)} of ${asCode(cut(run.workflow))}, submitted by ${asCode(cut(run.submittedBy))}`,
    ...(run.reason ? [`Why: ${asCode(cut(run.reason))}`] : []),
    ...(variables.length > 0
      ? [
          asTable(
            ['variable', 'value'],
            variables.slice(0, mostRows).map(([name, value]) => [asCode(cut(name)), asCode(cut(value))]),
          ),
        ]
      : []),
    asTable(['job', 'state', 'time', 'runner', ...metrics.map((name) => asCode(cut(name))), ''], rows),
    ...(run.jobs.length > mostRows ? [`… and ${run.jobs.length - mostRows} more`] : []),
  ];
  return lines.join('\n\n');
}

/**
 * Ends of logs, as Markdown of at most `limit` characters: of each what fits, from its end.
 */
export function logTails(tails: readonly LogTail[], limit: number): string {
  const each = Math.floor(limit / Math.max(1, tails.length)) - 400;
  return tails
    .map(({ job, text }) => {
      const end =
        text.length > each ? text.slice(text.indexOf('\n', text.length - each) + 1).slice(-each) : text;
      const block = asBlock(end);
      // A log of nothing but backticks has fences as long as itself.
      return `### ${asCode(cut(job))}\n\n${block.length <= each + 300 ? block : asCode(end.slice(-2_000))}`;
    })
    .join('\n\n');
}

function durationOf({ startedAt, finishedAt }: Pick<ReportedJob, 'startedAt' | 'finishedAt'>): string {
  if (startedAt === null || finishedAt === null) return '';
  const time = Date.parse(finishedAt) - Date.parse(startedAt);
  return Number.isNaN(time) ? '' : formatDuration(time);
}

function symbolOf(state: string): string {
  if (state === 'done' || state === 'cached') return '✅';
  if (state === 'failed') return '❌';
  return ended.has(state) ? '⚪' : '⏳';
}

function measured(value: number | string | boolean | undefined): string {
  if (typeof value !== 'number') return String(value ?? '');
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function cut(text: string): string {
  return text.length > longestCell ? `${text.slice(0, longestCell - 1)}…` : text;
}
