import { hostname, userInfo } from 'node:os';
import { type FollowEvent, followRun } from '../ledger/follow.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openStateReader } from '../ledger/read-state.ts';
import { isFinal, isSuccess, type JobView, type RunView } from '../ledger/state.ts';
import { requestStop } from '../ledger/stop.ts';
import { openWake, type Wake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { createLinePrinter, jobPrefixes, type LinePrinter } from '../tui/log-view.ts';
import { runSummary } from '../tui/summary.ts';
import { embeddedRunner } from './embedded-runner.ts';
import { onInterrupt } from './interrupt.ts';
import { openLedgerStore, type Project } from './project.ts';
import { syncHistory } from './sync.ts';
import { ask, hasColour, paint, say, warn } from './terminal.ts';

/**
 * Shows a run until it has ended: its logs on standard output, what happens on standard error.
 * @returns the exit code: 0 done, 1 not, 130 interrupted
 */
export async function followToTheEnd(
  project: Project,
  ledger: Ledger,
  run: string,
  options: { local: boolean; json: boolean },
): Promise<number> {
  const store = await openLedgerStore(project, ledger).catch(() => null);
  const wake = await openWake(ledger.shared);
  const runner = options.local ? await embeddedRunner(project, ledger, run, wake.notify) : null;
  const show = options.json ? createJsonPrinter() : createPrinter();
  let last: RunView | null = null;
  let detached = false;
  const interruption = onInterrupt((count) => void interrupted(count));
  const interrupted = async (count: number): Promise<void> => {
    if (runner || count > 1) {
      say(count > 1 && runner ? 'aborting' : 'stopping; Ctrl+C again to abort');
      await stopAll(ledger, last, count > 1).catch((error: unknown) => warn((error as Error).message));
      if (runner) return;
    }
    const answer =
      count > 1 ? 'd' : await ask(`[s]top ${run}, [d]etach and let it go on, or [c]ontinue to watch? `);
    if (answer !== null && /^s/i.test(answer)) {
      await stopAll(ledger, last, false).catch((error: unknown) => warn((error as Error).message));
    } else if (answer === null || /^d/i.test(answer)) {
      detached = true;
      wake.notify();
    }
  };
  const events = followRun(ledger, {
    run,
    job: null,
    wake,
    poll: options.local ? 200 : project.config.runner.poll,
    readStored: store ? (sha256) => store.read(sha256) : null,
  });
  try {
    for await (const event of events) {
      if (event.kind === 'run') last = event.run;
      show(event);
      if (detached) break;
    }
  } finally {
    interruption.release();
    await runner?.end();
    if (!detached) await waitForSettling(ledger, run, wake).catch(() => {});
    await wake.close();
  }
  if (detached) {
    say(`${run} goes on without you: \`dstack logs -f ${run}\` watches, \`dstack stop ${run}\` stops it`);
    return 130;
  }
  if (last === null) return 1;
  // For `git log refs/dstack/runs`; the run's outcome does not depend on it.
  await syncHistory(project).catch(() => {});
  if (!options.json) say(runSummary(last, { now: Date.now(), colour: hasColour(process.stderr) }).trimEnd());
  if (interruption.count() > 0) return 130;
  return isSuccess(last.state) ? 0 : 1;
}

/** The logs as notes come a moment after the outcome; worth a short wait, so that the history fetched next has them. */
async function waitForSettling(ledger: Ledger, run: string, wake: Wake): Promise<void> {
  const reader = openStateReader(ledger);
  for (let look = 0; look < 10; look += 1) {
    const view = (await reader.read(run)).runs[0];
    if (!view || view.jobs.every((job) => job.queueEntry === null)) return;
    await wake.wait(300);
  }
}

async function stopAll(ledger: Ledger, run: RunView | null, abort: boolean): Promise<void> {
  const targets = (run?.jobs ?? []).flatMap((job) =>
    job.queueEntry && !isFinal(job.state)
      ? [{ id: { run: job.run, job: job.name }, queueEntry: job.queueEntry }]
      : [],
  );
  await requestStop(ledger, targets, { abort, by: whoAmI() });
}

/** `anna@workstation`, for the reason of a stopped job. */
export function whoAmI(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}

/** Logs on standard output, each job's lines behind its name if there are several; what happens on standard error. */
function createPrinter(): (event: FollowEvent) => void {
  const printers = new Map<string, LinePrinter>();
  let prefixes: ReadonlyMap<string, string> = new Map();
  let troubled = false;
  const told = new Map<string, string>();
  const tell = (job: JobView) => {
    const text = describeJob(job);
    if (text === null || told.get(job.name) === text) return;
    told.set(job.name, text);
    printers.get(job.name)?.end();
    printers.delete(job.name);
    say(paint('dim', `${plainText(job.name)}: ${text}`));
  };
  return (event) => {
    if (event.kind === 'trouble') {
      if (!troubled) warn(`${event.error.message}; trying again until it answers`);
      troubled = true;
      return;
    }
    troubled = false;
    if (event.kind === 'run') {
      prefixes = jobPrefixes(
        event.run.jobs.map((job) => job.name),
        { colour: hasColour(process.stdout) },
      );
      for (const job of event.run.jobs) tell(job);
    } else if (event.kind === 'log') {
      const printer = printers.get(event.job) ?? newPrinter(prefixes.get(event.job) ?? '');
      printers.set(event.job, printer);
      printer.push(event.bytes);
    } else {
      warn('the run is gone from the shared repository');
    }
  };
}

export function newPrinter(prefix: string): LinePrinter {
  return createLinePrinter({
    prefix,
    colour: hasColour(process.stdout),
    terminal: Boolean(process.stdout.isTTY),
    write: (text) => void process.stdout.write(text),
  });
}

function describeJob(job: JobView): string | null {
  const where = job.runner ? ` on ${plainText(job.runner)}` : '';
  const attempt = job.attempt > 1 ? `, attempt ${job.attempt}` : '';
  const reason = job.reason ? `: ${plainText(job.reason)}` : '';
  if (job.state === 'submitted') return null;
  if (job.state === 'claimed') return `claimed${where}${attempt}${reason}`;
  if (job.state === 'cached') return `cached, from ${job.cachedFrom?.run}/${job.cachedFrom?.job}`;
  if (isFinal(job.state)) return `${job.state}${reason}`;
  return `${job.state}${where}${reason}`;
}

/** One JSON document a line. */
function createJsonPrinter(): (event: FollowEvent) => void {
  return (event) => {
    const line =
      event.kind === 'log'
        ? { kind: 'log', job: event.job, text: Buffer.from(event.bytes).toString('utf8') }
        : event.kind === 'trouble'
          ? { kind: 'trouble', error: event.error.message }
          : event;
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
}
