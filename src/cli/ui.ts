import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openWake } from '../ledger/wake.ts';
import { newToken } from '../web/access.ts';
import { openAnswers } from '../web/answers.ts';
import { openFeed } from '../web/feed.ts';
import { openLogFiles } from '../web/log-files.ts';
import { readPageFiles } from '../web/page-files.ts';
import { openWebServer } from '../web/server.ts';
import { alsoHangUp, onInterrupt } from './interrupt.ts';
import { liveSource } from './live-source.ts';
import { openInBrowser } from './open-browser.ts';
import { locateRuns, openProjectState } from './open-state.ts';
import { packageFile } from './package-file.ts';
import { printError } from './print-error.ts';
import { openProject, type Project } from './project.ts';
import { printJson, say } from './terminal.ts';
import { openWebSources } from './web-sources.ts';

export interface UiOptions {
  port?: number;
  open: boolean;
  export?: string;
  json?: true;
}

/** `dstack ui [RUN…]`: the page, until Ctrl+C; or its files. */
export async function ui(names: readonly string[], options: UiOptions): Promise<void> {
  const project = await openProject();
  if (options.export !== undefined) {
    const { exportPage } = await import('./ui-export.ts');
    return exportPage(project, names, options.export, options);
  }
  await servePage(project, names, options);
}

async function servePage(project: Project, names: readonly string[], options: UiOptions): Promise<void> {
  const recent = await openProjectState(project, { whole: true });
  const located = names.length > 0 ? await locateRuns(project, names, recent.ledgers) : [];
  const every = await openProjectState(project, { whole: true, all: true });
  const ledgers = [...recent.ledgers, ...every.ledgers];
  const wakes = recent.ledgers.map((ledger) => openWake(ledger.shared));
  let reader = recent;
  const live = liveSource(wakes, () => reader.read(), project.config.runner.poll);
  const sources = openWebSources(project, () => reader);
  const folder = await mkdtemp(join(tmpdir(), 'dstack-ui-'));
  const logs = openLogFiles(folder, sources);
  const token = newToken();
  const ended = untilInterrupted();
  try {
    const server = await openWebServer({
      port: options.port ?? 0,
      token,
      files: await readPageFiles(dirname(packageFile('page'))),
      answers: openAnswers(sources, logs.read),
      feed: openFeed(sources.watched(live), sources),
      sources,
      onAll() {
        reader = every;
        for (const wake of wakes) wake.notify();
      },
      onBug: (error) => void printError(error, true),
    });
    try {
      const path = pathOf(located.map(({ run, job }) => ({ run: run.name, job })));
      const url = `http://127.0.0.1:${server.port}/#${path}?token=${token}`;
      if (options.json) printJson({ url });
      else process.stdout.write(`${url}\n`);
      say('it shows this project to whoever knows the address, on this machine only; Ctrl+C ends it');
      if (options.open) await openInBrowser(url, folder);
      await ended.interrupted;
    } finally {
      await server.close();
    }
  } finally {
    ended.release();
    live.close();
    for (const wake of wakes) wake.close();
    await logs.close();
    await rm(folder, { recursive: true, force: true });
    for (const ledger of ledgers) ledger.close();
  }
}

/** Where in the page it begins: at the run or job that was named, or with the runs beside each other. */
function pathOf(named: readonly { run: string; job: string | null }[]): string {
  const [first, ...others] = named;
  if (!first) return '/';
  if (others.length > 0) return `/compare/${[...new Set(named.map(({ run }) => run))].join(',')}`;
  return first.job === null ? `/run/${first.run}` : `/job/${first.run}/${first.job}`;
}

/** Ctrl+C is how it ends, or the terminal's being closed: nothing has failed then. */
function untilInterrupted(): { readonly interrupted: Promise<void>; release(): void } {
  let end = () => {};
  const interrupted = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { release } = onInterrupt(() => end(), alsoHangUp);
  return { interrupted, release };
}
