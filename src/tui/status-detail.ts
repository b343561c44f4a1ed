import { isFinal, isSuccess, type JobView, type LedgerState, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { culpritOf, describeVariables, jobReason, personName } from './describe.ts';
import { formatAge, formatBytes } from './duration.ts';
import { type Glyphs, inGlyphs } from './glyphs.ts';
import { afterOthers } from './job-tree.ts';
import { describeMeasurements } from './metrics-table.ts';
import { runnerCondition } from './runner-table.ts';
import { type Details, nameOf, type StatusModel } from './status-model.ts';
import type { Row } from './status-rows.ts';

/** So many values of what a job measures tell how it goes. */
const mostMetrics = 4;

/** What the last column says of a row: how it goes, or why it doesn't. Neutralised. */
export function rowDetail(row: Row, details: Details, hasRunnerColumn: boolean, glyphs: Glyphs): string {
  if (row.kind === 'run') return runDetail(row, details, glyphs);
  const { job } = row;
  const parts = [
    describeVariables(cellOf(row, details)),
    ...courseOf(job, details),
    job.attempt > 1 && !isSuccess(job.state) ? `attempt ${job.attempt}` : null,
    hasRunnerColumn || job.state === 'skipped' || job.runner === null ? null : `on ${job.runner}`,
    afterOthers(row),
  ];
  return joinParts(parts, glyphs);
}

/** All that is known of one run or job beyond its columns, for the line at the bottom. Neutralised. */
export function fullDetail(row: Row, details: Details, now: number, glyphs: Glyphs): string {
  const { run } = row;
  if (row.kind === 'run') {
    const who = `${run.workflow} by ${personName(run.submittedBy)} ${formatAge(run.submittedAt, now)}`;
    return joinParts([runDetail(row, details, glyphs), run.reason, who], glyphs);
  }
  const { artifacts, saved, image } = row.job;
  const kept =
    artifacts &&
    `${artifacts.files} ${artifacts.files === 1 ? 'file' : 'files'}, ${formatBytes(artifacts.bytes)}`;
  const checkpoint = saved?.at ? `checkpoint ${formatAge(saved.at, now)}` : null;
  return joinParts([rowDetail(row, details, false, glyphs), kept, checkpoint, image ?? 'process'], glyphs);
}

/** The first line: what goes on in all. */
export function overview(state: LedgerState, now: number, glyphs: Glyphs): string {
  const unfinished = state.runs.filter((run) => !isFinal(run.state)).length;
  const alive = state.runners.filter((runner) => runnerCondition(runner, now) !== 'late').length;
  const parts = [`${unfinished} unfinished`, `${state.runs.length + state.archived} runs`];
  parts.push(`${alive} ${alive === 1 ? 'runner' : 'runners'}${alive === 0 ? ' (dstack runner start)' : ''}`);
  return parts.join(glyphs.separator);
}

/** Without an answer for so long, in milliseconds, what is shown is no longer what is. */
const longSilence = 30_000;

/** What is wrong with what is shown, if anything is: how old it is, and why. Neutralised. */
export function staleness({ error, state, readAt }: StatusModel['reading'], now: number): string | null {
  if (state === null) return error === null ? null : `cannot read the repository: ${plainText(error)}`;
  if (error !== null) return `connection lost ${formatAge(readAt, now)}: ${plainText(error)}`;
  return now - readAt > longSilence ? `no answer since ${formatAge(readAt, now)}` : null;
}

/** The values of its cell that not all cells have. */
export function cellOf(
  row: Extract<Row, { kind: 'job' }>,
  { cells }: Details,
): Readonly<Record<string, string>> {
  const ofRun = cells.get(row.run.name);
  const own = Object.entries(ofRun?.get(row.job.name) ?? {});
  const others = row.run.jobs
    .filter(({ workflow }) => workflow === row.job.workflow)
    .map(({ name }) => ofRun?.get(name));
  return Object.fromEntries(own.filter(([name, value]) => others.some((other) => other?.[name] !== value)));
}

/** Why a job isn't well, with the last line of its output if it failed by itself; or what it waits for. */
export function unhappyReason(job: JobView, { progress }: Details): string | null {
  const reason = jobReason(job);
  const last = progress.get(nameOf({ run: job.run, job: job.name }))?.lines.at(-1);
  if (job.state !== 'failed' || last === undefined || job.exitCode === null) return reason;
  return reason?.includes(last) ? reason : `${reason ?? job.state}: ${last.trim()}`;
}

function joinParts(parts: readonly (string | null)[], glyphs: Glyphs): string {
  return parts.flatMap((part) => (part ? [inGlyphs(plainText(part), glyphs)] : [])).join(glyphs.separator);
}

function runDetail(row: Extract<Row, { kind: 'run' }>, details: Details, glyphs: Glyphs): string {
  const { run, open } = row;
  const [only, ...others] = run.jobs;
  const tags = (run.tags ?? []).map((tag) => `:${tag}`).join(' ');
  // A run of one job is that job.
  const course = only && others.length === 0 && !open ? courseOf(only, details) : [blameOf(run, details)];
  const ended = run.jobs.filter((job) => isFinal(job.state)).length;
  const isUnderWay = !isFinal(run.state) && others.length > 0;
  const count = isUnderWay ? `${ended}/${run.jobs.length}` : null;
  return joinParts([tags, ...course, count, describeVariables(run.variables)], glyphs);
}

function blameOf(run: RunView, details: Details): string | null {
  const culprit = culpritOf(run);
  if (culprit === undefined) return null;
  const why = unhappyReason(culprit, details) ?? culprit.state;
  return run.jobs.length > 1 ? `${culprit.name}: ${why}` : why;
}

/** How a job goes: what is wrong with it, the last values that it measured and, while it runs, the last line that it wrote. */
function courseOf(job: JobView, details: Details): (string | null)[] {
  const progress = details.progress.get(nameOf({ run: job.run, job: job.name }));
  const metrics = job.metrics ?? progress?.metrics ?? null;
  const measured = metrics === null ? null : describeMeasurements(metrics, mostMetrics);
  const isUnderWay = !isFinal(job.state) && job.state !== 'submitted';
  const line = isUnderWay ? (progress?.lines.at(-1)?.trim() ?? null) : null;
  return [unhappyReason(job, details), measured, line];
}
