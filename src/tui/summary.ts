import { formatDuration } from '../human-units.ts';
import { isFinal, isSuccess, type JobView, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { cellWidth } from './cell-width.ts';
import { paint, stateColour } from './colours.ts';
import { culpritOf, jobReason, runReason } from './describe.ts';
import { formatBytes, jobDuration, runDuration } from './duration.ts';
import { fit } from './fit-text.ts';
import { type Glyphs, unicodeGlyphs } from './glyphs.ts';
import { describeMeasurements } from './metrics-table.ts';
import { describeUsage } from './usage-text.ts';

/** One artifact path of a job and what lies below it. */
export interface ArtifactLine {
  readonly job: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
}

export interface SummaryOptions {
  /** What each job kept, path by path; without it only each job's total is shown. */
  readonly artifacts?: readonly ArtifactLine[] | undefined;
  /** Milliseconds since 1970; counts only for a run that has not ended. */
  readonly now: number;
  /** Columns that there are; without it, as many as it takes. */
  readonly width?: number | undefined;
  readonly colour?: boolean | undefined;
  readonly glyphs?: Glyphs | undefined;
}

const MAX_ARTIFACT_LINES = 8;
const MAX_METRICS = 4;

/** The closing words of `dstack run`: how it ended and why, its jobs, what they kept, and what to do with it. */
export function runSummary(run: RunView, options: SummaryOptions): string {
  const glyphs = options.glyphs ?? unicodeGlyphs;
  const colour = options.colour ?? false;
  const reason = runReason(run);
  const culprit = culpritOf(run);
  const width = options.width ?? Number.POSITIVE_INFINITY;
  const happy = isFinal(run.state) && isSuccess(run.state);
  const time = runDuration(run, options.now);
  const state = paint(stateColour(run.state), `${glyphs.state[run.state]} ${run.state}`, colour);
  const name = plainText(run.name);
  const lines: string[] = [];
  if (!happy && reason !== null) lines.push(paint(stateColour(run.state), plainText(reason), colour));
  lines.push(`${name}  ${state}${time === null ? '' : `  ${formatDuration(time)}`}`);
  const nameWidth = run.jobs.reduce((width, job) => Math.max(width, job.name.length), 0);
  for (const job of run.jobs) lines.push(...jobLines(job, job === culprit, nameWidth, glyphs, options));
  lines.push(...artifactLines(run, options.artifacts));
  const next = nextCommands(run);
  const commandWidth = next.reduce((width, [command]) => Math.max(width, command.length), 0);
  // A command is there to be copied: it is what it is for that gives way, and not for some of them only.
  const explained = next.every(([, purpose]) => commandWidth + purpose.length + 6 <= width);
  for (const [command, purpose] of next) {
    const why = explained ? `${' '.repeat(commandWidth - command.length)}  # ${purpose}` : '';
    lines.push(`  ${command}${paint('dim', why, colour)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A line, or where that is too wide, one with what it says below it. */
function jobLines(
  job: JobView,
  isCulprit: boolean,
  nameWidth: number,
  glyphs: Glyphs,
  { width = Number.POSITIVE_INFINITY, ...options }: SummaryOptions,
): string[] {
  const time = jobDuration(job, options.now);
  const name = `${glyphs.state[job.state]} ${fit(plainText(job.name), nameWidth)}`;
  const how = `  ${job.state.padEnd(9)}  ${(time === null ? '-' : formatDuration(time)).padStart(6)}`;
  const first = `  ${paint(stateColour(job.state), name, options.colour ?? false)}${how}`;
  const details = [
    job.artifacts === null
      ? ''
      : `${plural(job.artifacts.files, 'file')}, ${formatBytes(job.artifacts.bytes)}`,
    job.usage ? describeUsage(job.usage) : '',
    job.metrics === null ? '' : plainText(describeMeasurements(job.metrics, MAX_METRICS)),
    // The culprit's reason is the first line already.
    isCulprit || (isSuccess(job.state) && job.cachedFrom === null) ? '' : plainText(jobReason(job) ?? ''),
  ].filter((part) => part !== '');
  if (details.length === 0) return [first];
  const all = details.join('  ');
  const fits = cellWidth(name + how) + cellWidth(all) + 4 <= width;
  return fits ? [`${first}  ${all}`] : [first, ...filled(details, '    ', width)];
}

/** Lines of as many of the parts as fit into each. */
function filled(parts: readonly string[], indent: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = `${lines.at(-1) ?? ''}  ${part}`;
    if (lines.length > 0 && cellWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(indent + part);
  }
  return lines;
}

function artifactLines(run: RunView, artifacts: readonly ArtifactLine[] | undefined): string[] {
  if (artifacts === undefined || artifacts.length === 0) return [];
  const several = run.jobs.length > 1;
  const shown = artifacts.slice(0, MAX_ARTIFACT_LINES).map((artifact) => {
    const place = several ? `${artifact.job}: ${artifact.path}` : artifact.path;
    return `  ${plainText(place)}  ${plural(artifact.files, 'file')}, ${formatBytes(artifact.bytes)}`;
  });
  const more = artifacts.length - shown.length;
  return ['Artifacts:', ...shown, ...(more > 0 ? [`  and ${more} more`] : [])];
}

function nextCommands(run: RunView): [command: string, purpose: string][] {
  const name = plainText(run.name);
  const commands: [string, string][] = [];
  const failed = run.jobs.find((job) => job.state === 'failed');
  const only = failed ?? (run.jobs.length === 1 ? run.jobs[0] : undefined);
  if (!isFinal(run.state)) {
    commands.push([`dstack logs ${name} -f`, 'follow it'], [`dstack stop ${name}`, 'end it']);
    return commands;
  }
  if (run.jobs.some((job) => (job.artifacts?.files ?? 0) > 0)) {
    commands.push([
      `dstack artifacts download ${name}`,
      isSuccess(run.state) ? 'get the results' : 'get what was kept',
    ]);
  }
  if (run.jobs.some((job) => job.metrics !== null))
    commands.push([`dstack metrics ${name}`, 'see what it measured']);
  if (run.jobs.some((job) => job.commit !== null))
    commands.push([`dstack logs ${name}${only ? `/${plainText(only.name)}` : ''}`, 'read its log']);
  if (!isSuccess(run.state)) commands.push([`dstack rerun ${name}`, 'try it again']);
  return commands;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
