import ms from 'ms';
import { usageError } from '../errors.ts';
import { followRun } from '../ledger/follow.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { isFinal, type RunView } from '../ledger/state.ts';
import { openWake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { bell, endNotice } from '../tui/end-notice.ts';
import { jobPrefixes, type LinePrinter } from '../tui/log-view.ts';
import { orPruned } from './explain-pruned.ts';
import { onInterrupt } from './interrupt.ts';
import { leavableWake } from './leavable-wake.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, openProject, type Project } from './project.ts';
import { newLogPrinter } from './run-printer.ts';
import { ask, hasColour, say, warn, writeToTerminal } from './terminal.ts';

interface LogsOptions {
  follow?: boolean;
  since?: string;
  tail?: number;
  notify?: true;
  /** Waits for a key before it returns, for a screen that will cover what was printed. */
  pauseAtEnd?: boolean;
}

export async function logs(name: string, options: LogsOptions): Promise<void> {
  if (options.notify && !options.follow)
    throw usageError('nothing-to-wait-for', '--notify tells of an end that is waited for', 'add -f');
  await showLogs(await openProject(), name, options);
}

/** Prints the logs of a run, or of one job; with `follow`, to their end. */
export async function showLogs(project: Project, name: string, options: LogsOptions): Promise<void> {
  const since = options.since === undefined ? 0 : Date.now() / 1000 - secondsOf(options.since);
  const { ledger, run, job } = await locateRun(project, name);
  const store = await openLedgerStore(project, ledger).catch(() => null);
  const readStored = store ? (sha256: string) => store.read(sha256) : null;
  const shown = run.jobs.filter((one) => job === null || one.name === job);
  const prefixes = jobPrefixes(
    shown.map((one) => one.name),
    { colour: hasColour(process.stdout) },
  );
  const printers = new Map<string, LinePrinter>();
  const print = (jobName: string, bytes: Uint8Array) => {
    const printer = printers.get(jobName) ?? newLogPrinter(prefixes.get(jobName) ?? '');
    printers.set(jobName, printer);
    printer.push(bytes);
  };
  const endAll = () => {
    for (const printer of printers.values()) printer.end();
    printers.clear();
  };

  const tellEnd = (of: RunView) => {
    if (options.notify) writeToTerminal(bell(endNotice(of, job, Date.now()), process.env));
  };

  if (!options.follow || (shown.every((one) => isFinal(one.state)) && !options.pauseAtEnd)) {
    for (const one of shown) {
      if (one.commit === null) continue;
      const pieces: Uint8Array[] = [];
      const id = { run: run.name, job: one.name };
      const read = readStored && ((sha256: string) => orPruned(ledger, id, () => readStored(sha256)));
      for await (const { bytes } of readLog(ledger.shared, one.commit, 0, read, since)) {
        if (options.tail === undefined) print(one.name, bytes);
        else keepLastLines(pieces, bytes, options.tail);
      }
      for (const piece of pieces) print(one.name, piece);
      endAll();
      if (one.cachedFrom)
        say(
          `${plainText(one.name)} was not executed: its result is that of ${one.cachedFrom.run}/${one.cachedFrom.job}`,
        );
    }
    if (shown.every((one) => one.commit === null))
      say(`${run.name} has no output yet; \`dstack logs -f\` waits for it`);
    tellEnd(run);
    return;
  }

  const wake = leavableWake(openWake(ledger.shared));
  const interruption = onInterrupt(() => wake.leave());
  let troubled = false;
  let last = run;
  try {
    for await (const event of followRun(ledger, {
      run: run.name,
      job,
      wake,
      poll: project.config.runner.poll,
      readStored,
      since,
    })) {
      if (wake.left) break;
      if (event.kind === 'run') last = event.run;
      if (event.kind === 'log') print(event.job, event.bytes);
      else if (event.kind === 'trouble' && !troubled)
        warn(`${event.error.message}; trying again until it answers`);
      troubled = event.kind === 'trouble';
    }
  } catch (error) {
    if (!wake.left) throw error;
  } finally {
    endAll();
    interruption.release();
    wake.close();
  }
  if (wake.left) process.exitCode = options.pauseAtEnd ? process.exitCode : 130;
  else tellEnd(last);
  if (!wake.left && options.pauseAtEnd) await ask('the log ends here; Enter goes back ');
}

function secondsOf(text: string): number {
  const milliseconds = /^\d+(\.\d+)?\s*[a-z]+$/i.test(text) ? ms(text as ms.StringValue) : undefined;
  if (milliseconds === undefined)
    throw usageError('bad-duration', `${JSON.stringify(text)} is no duration`, 'write it like 90s, 5m or 2h');
  return milliseconds / 1000;
}

/** Keeps so many lines at the end of a growing text, without keeping the rest. */
function keepLastLines(pieces: Uint8Array[], bytes: Uint8Array, lines: number): void {
  const all = Buffer.concat([...pieces.splice(0), bytes]);
  // The line break at the very end does not begin a line.
  let at = all.length - (all.at(-1) === 10 ? 1 : 0);
  for (let count = 0; count < lines && at > 0; count += 1) at = all.lastIndexOf(10, at - 1);
  if (lines > 0) pieces.push(all.subarray(at < 0 ? 0 : at === 0 && all[0] !== 10 ? 0 : at + 1));
}
