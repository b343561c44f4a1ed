import { formatDuration } from '../human-units.ts';
import { isFinal, isSuccess, type JobView, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
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
  const happy = isFinal(run.state) && isSuccess(run.state);
  const time = runDuration(run, options.now);
  const state = paint(stateColour(run.state), `${glyphs.state[run.state]} ${run.state}`, colour);
  const name = plainText(run.name);
  const lines: string[] = [];
  if (!happy && reason !== null) lines.push(paint(stateColour(run.state), plainText(reason), colour));
  lines.push(`${name}  ${state}${time === null ? '' : `  ${formatDuration(time)}`}`);
  const nameWidth = run.jobs.reduce((width, job) => Math.max(width, job.name.length), 0);
  for (const job of run.jobs) lines.push(`  ${jobLine(job, job === culprit, nameWidth, glyphs, options)}`);
  lines.push(...artifactLines(run, options.artifacts));
  const next = nextCommands(run);
  const commandWidth = next.reduce((width, [command]) => Math.max(width, command.length), 0);
  for (const [command, purpose] of next) {
    lines.push(`  ${command.padEnd(commandWidth)}  ${paint('dim', `# ${purpose}`, colour)}`);
  }
  return `${lines.join('\n')}\n`;
}

function jobLine(
  job: JobView,
  isCulprit: boolean,
  nameWidth: number,
  glyphs: Glyphs,
  options: SummaryOptions,
): string {
  const time = jobDuration(job, options.now);
  const parts = [
    paint(
      stateColour(job.state),
      `${glyphs.state[job.state]} ${fit(plainText(job.name), nameWidth)}`,
      options.colour ?? false,
    ),
    job.state.padEnd(9),
    (time === null ? '-' : formatDuration(time)).padStart(6),
    job.artifacts === null
      ? ''
      : `${plural(job.artifacts.files, 'file')}, ${formatBytes(job.artifacts.bytes)}`,
    job.usage ? describeUsage(job.usage) : '',
    job.metrics === null ? '' : plainText(describeMeasurements(job.metrics, MAX_METRICS)),
    // The culprit's reason is the first line already.
    isCulprit || (isSuccess(job.state) && job.cachedFrom === null) ? '' : plainText(jobReason(job) ?? ''),
  ];
  return parts.filter((part) => part !== '').join('  ');
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
  const culprit =
    run.jobs.find((job) => job.state === 'failed') ?? run.jobs.find((job) => job.commit !== null);
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
  if (culprit !== undefined)
    commands.push([`dstack logs ${name}/${plainText(culprit.name)}`, 'read its log']);
  return commands;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
