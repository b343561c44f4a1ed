import { formatDuration } from '../human-units.ts';
import { isFinal, isSuccess, type JobState, type JobView, jobStates, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { paint, stateColour } from './colours.ts';
import { jobReason, stateWord } from './describe.ts';
import { jobDuration, runDuration } from './duration.ts';
import { fit, truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { jobTree, treeGuides } from './job-tree.ts';

export interface RunTreeOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Columns and lines that there are for it. */
  readonly width: number;
  readonly height: number;
  /** What tells the cells of a matrix from each other, by job. */
  readonly cells: ReadonlyMap<string, string>;
  /** The unfinished last line of a job's log, such as a progress bar, by job. */
  readonly progress: ReadonlyMap<string, string>;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
}

/** A name, or what it waits for, is worth so many columns and no more. */
const widestName = 40;

/**
 * How a run stands, as lines that fill in while it goes on: a head, then its jobs as a tree of what depends on what. Where that is
 * higher than the room there is, what is under way or has failed comes first, and the rest is counted.
 */
export function runTree(run: RunView, options: RunTreeOptions): string[] {
  const { height, glyphs } = options;
  const head = headLine(run, options);
  if (height < 2) return [head];
  const lines = jobTree(run.jobs);
  const all = lines.map((line) => ({ job: line.job, guides: treeGuides(line, glyphs) }));
  if (all.length < height) return [head, ...rows(all, options)];
  // Without all the others the lines that lead to a job would lead nowhere.
  const chosen = choose(run.jobs, height - 2);
  const some = all.filter(({ job }) => chosen.has(job)).map(({ job }) => ({ job, guides: '' }));
  const rest = run.jobs.filter((job) => !chosen.has(job));
  const more = truncate(`${glyphs.ellipsis} and ${rest.length} more: ${census(rest)}`, options.width);
  return [head, ...rows(some, options), paint('dim', more, options.colour)];
}

function headLine(run: RunView, { now, width, colour, glyphs }: RunTreeOptions): string {
  const ended = run.jobs.filter((job) => isFinal(job.state)).length;
  const time = runDuration(run, now);
  const count = `${ended} of ${run.jobs.length}`;
  const [long, short] = [`${count} jobs have ended`, count].map((progress) =>
    [
      plainText(run.name),
      `${run.state}${time === null ? '' : ` ${formatDuration(time)}`}`,
      run.jobs.length > 1 ? progress : '',
    ]
      .filter(Boolean)
      .join(glyphs.separator),
  ) as [string, string];
  const text = long.length <= width ? long : short;
  return paint('bold', truncate(text, width, glyphs.ellipsis), colour);
}

/** Of jobs that do not all fit: those that run, failed, wait for a runner, in this order, up to so many. */
function choose(jobs: readonly JobView[], most: number): ReadonlySet<JobView> {
  const weight = ({ state, fits }: JobView) => {
    if (!isFinal(state)) return state === 'submitted' ? (fits === false ? 2 : 3) : 0;
    return isSuccess(state) ? 5 : state === 'failed' ? 1 : 4;
  };
  // `sort` keeps the order of equals.
  return new Set([...jobs].sort((a, b) => weight(a) - weight(b)).slice(0, Math.max(0, most)));
}

/** `60 done, 25 submitted`. */
function census(jobs: readonly JobView[]): string {
  const counts = new Map<JobState, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  const known = [...jobStates].filter((state) => counts.has(state)).reverse();
  return known.map((state) => `${counts.get(state)} ${state}`).join(', ');
}

function rows(
  lines: readonly { readonly job: JobView; readonly guides: string }[],
  options: RunTreeOptions,
): string[] {
  const { width, colour, glyphs, now } = options;
  const names = lines.map(({ job, guides }) => {
    const cell = options.cells.get(job.name);
    return `${guides}${plainText(job.name)}${cell ? ` ${plainText(cell)}` : ''}`;
  });
  const widest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const nameWidth = Math.min(widest, widestName, Math.max(8, Math.floor(width * 0.45)));
  return lines.map(({ job }, index) => {
    const time = job.state === 'submitted' ? null : jobDuration(job, now);
    const name = fit(names[index] ?? '', nameWidth, glyphs.ellipsis);
    const state = `${glyphs.state[job.state]} ${stateWord(job)}${time === null ? '' : ` ${formatDuration(time)}`}`;
    const left = width - nameWidth - 2;
    const shown = truncate(state, left, glyphs.ellipsis);
    const note = truncate(noteOf(job, options), left - shown.length - 2, glyphs.ellipsis);
    const words = paint(stateColour(job.state), shown, colour);
    return `${name}  ${words}${note ? `  ${paint('dim', note, colour)}` : ''}`.trimEnd();
  });
}

/** Where it runs and how far it is, or what it waits for, or why it ended as it did. */
function noteOf(job: JobView, { progress, now }: RunTreeOptions): string {
  const attempt = job.attempt > 1 ? `attempt ${job.attempt}` : '';
  // That it stops its state says.
  const reason = job.stopping && !isFinal(job.state) ? '' : plainText(jobReason(job) ?? '');
  if (isFinal(job.state)) return isSuccess(job.state) && job.cachedFrom === null ? attempt : reason;
  if (job.state === 'submitted') {
    // What waits for other jobs of the run has not been left waiting.
    const waited = /^waits for (a|\d+) runners?/.test(reason) ? now - Date.parse(job.submittedAt) : 0;
    return `${reason}${waited >= 1_000 ? ` (${formatDuration(waited)})` : ''}`;
  }
  const runner = job.runner === null ? '' : `on ${plainText(job.runner)}`;
  return [progress.get(job.name) ?? '', runner, attempt, reason].filter(Boolean).join('  ');
}
