import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DstackError, usageError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { openAnswers } from '../web/answers.ts';
import { largestFile, writeExport } from '../web/export.ts';
import { openLogFiles } from '../web/log-files.ts';
import { readPageFiles } from '../web/page-files.ts';
import { alsoHangUp, onInterrupt } from './interrupt.ts';
import { locateRuns, openProjectState } from './open-state.ts';
import { packageFile } from './package-file.ts';
import type { Project } from './project.ts';
import { plural, printJson, say, warn } from './terminal.ts';
import { openWebSources } from './web-sources.ts';

/** `dstack ui RUN… --export FOLDER`: the page with these runs, as files. */
export async function exportPage(
  project: Project,
  names: readonly string[],
  target: string,
  options: { json?: true },
): Promise<void> {
  if (names.length === 0)
    throw usageError(
      'no-runs',
      'it is not said which runs are to be exported',
      'name them: `dstack ui RUN … --export FOLDER`',
    );
  const folder = resolve(target);
  const state = await openProjectState(project);
  const located = await locateRuns(project, names, state.ledgers);
  const runs = [...new Map(located.map((found) => [found.run.name, found])).values()];
  const sources = openWebSources(project, () => state, runs);
  // At the first one what has been written is removed; a second one leaves that there.
  const interruption = onInterrupt((count, signal) => {
    if (count > 1 && signal !== 'SIGHUP') process.exit(130);
  }, alsoHangUp);
  const passing = await mkdtemp(join(tmpdir(), 'dstack-ui-'));
  const logs = openLogFiles(passing, sources);
  const leftOut: string[] = [];
  const answers = openAnswers(sources, logs.readWhole);
  try {
    await writeExport(folder, {
      runs,
      sources,
      files: await readPageFiles(dirname(packageFile('page'))),
      answers(question) {
        if (interruption.count() === 0) return answers(question);
        throw new DstackError('interrupted', 'interrupted: nothing was exported', { exitCode: 130 });
      },
      onLeftOut: (job, { path }) => leftOut.push(`${job.run}/${job.name}:${path}`),
    });
  } finally {
    interruption.release();
    await logs.close();
    await rm(passing, { recursive: true, force: true });
    for (const ledger of state.ledgers) ledger.close();
  }
  if (leftOut.length > 0) {
    const named = plainText(leftOut.slice(0, 3).join(', '));
    warn(
      `${plural(leftOut.length, 'file')} of artifacts left out, larger than ${formatBytes(largestFile)} or gone: ${named}${leftOut.length > 3 ? ' …' : ''}`,
    );
  }
  if (options.json) printJson({ folder, runs: runs.map(({ run }) => run.name), leftOut });
  else {
    say(`${plural(runs.length, 'run')} exported: open index.html, or put the folder on any web server`);
    process.stdout.write(`${folder}\n`);
  }
}
