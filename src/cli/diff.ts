import { pagerOf, showDiff } from '../git/show-diff.ts';
import { diffRuns, type JobPair, type RunDifferences } from '../ledger/diff-runs.ts';
import { jobName } from '../ledger/refs.ts';
import type { JobView } from '../ledger/state.ts';
import { createLogSanitizer } from '../terminal-text.ts';
import type { Glyphs } from '../tui/glyphs.ts';
import { codeTitle, inputsText, outcomesText } from '../tui/run-differences-text.ts';
import { type LocatedRun, locateRuns } from './open-state.ts';
import { page } from './pager.ts';
import { openProject } from './project.ts';
import { glyphsOf, hasColour, printJson } from './terminal.ts';

interface DiffCommandOptions {
  patch?: true;
  json?: true;
}

/** Columns of a summary where there is no terminal, as with Git. */
const plainWidth = 80;

/** `dstack diff RUN[/JOB] RUN[/JOB] [PATH…]`: code, inputs and outcomes, as far as they differ. */
export async function diff(
  first: string,
  second: string,
  paths: readonly string[],
  { patch, json }: DiffCommandOptions,
): Promise<void> {
  const project = await openProject();
  const [before, after] = (await locateRuns(project, [first, second])) as [LocatedRun, LocatedRun];
  const differences = await diffRuns(before, after);
  if (json) {
    const { files, bases, jobs } = differences;
    const sides = { before: sideOf(before, bases.before), after: sideOf(after, bases.after) };
    return printJson({ ...sides, files, jobs: jobs.map(documentOf) });
  }
  const { stdout } = process;
  const colour = hasColour(stdout);
  const width = stdout.isTTY ? stdout.columns || plainWidth : undefined;
  if (patch) {
    const text = await codeText(before, after, { colour, statWidth: null, paths });
    if (stdout.isTTY && text !== '') await page(text, await pagerOf(process.cwd()));
    else stdout.write(text);
    return;
  }
  const options = { width, colour, glyphs: glyphsOf(stdout), paths };
  stdout.write(await differencesText(before, after, differences, options));
}

interface TextOptions {
  /** Terminal columns; undefined: nothing is cut. */
  readonly width: number | undefined;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  readonly paths: readonly string[];
}

/** In what two runs differ: code as a summary by file, inputs and outcomes. Neutralised. */
export async function differencesText(
  before: LocatedRun,
  after: LocatedRun,
  differences: RunDifferences,
  { width, colour, glyphs, paths }: TextOptions,
): Promise<string> {
  const options = {
    ...{ before: nameOf(before), after: nameOf(after), now: Date.now() },
    ...{ width, colour, glyphs },
  };
  const code =
    differences.files.length > 0
      ? await codeText(before, after, { colour, statWidth: width ?? plainWidth, paths })
      : '';
  const { jobs } = differences;
  return codeTitle(differences, options) + code + inputsText(jobs, options) + outcomesText(jobs, options);
}

/** What `git diff` says of two runs that are in the local repository: a summary of so many columns, or all of it. Neutralised. */
export async function codeText(
  before: LocatedRun,
  after: LocatedRun,
  options: { colour: boolean; statWidth: number | null; paths: readonly string[] },
): Promise<string> {
  const sanitizer = createLogSanitizer({ colour: options.colour });
  const bytes = await showDiff(before.run.commit, after.run.commit, { cwd: process.cwd(), ...options });
  return sanitizer.push(bytes) + sanitizer.end();
}

const nameOf = ({ run, job }: LocatedRun): string =>
  job === null ? run.name : jobName({ run: run.name, job });

const sideOf = ({ run }: LocatedRun, base: string | null) => ({
  ...{ run: run.name, commit: run.commit, base, workflow: run.workflow, state: run.state },
  ...{ submittedAt: run.submittedAt, submittedBy: run.submittedBy },
});

function documentOf({ name, before, after, differences }: JobPair) {
  const outcome = (job: JobView | null) =>
    job && {
      ...{ job: job.name, state: job.state, reason: job.reason, runner: job.runner, attempt: job.attempt },
      ...{ image: job.image, submittedAt: job.submittedAt, claimedAt: job.claimedAt },
      ...{ startedAt: job.startedAt, finishedAt: job.finishedAt },
      ...{ artifacts: job.artifacts, metrics: job.metrics },
    };
  return { job: name, differences, before: outcome(before), after: outcome(after) };
}
