import ms from 'ms';
import { usageError } from '../errors.ts';
import { isFinal, type RunView } from '../ledger/state.ts';
import { openWake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { bell, endNotice } from '../tui/end-notice.ts';
import { jobPrefixes, type LinePrinter } from '../tui/log-view.ts';
import { onInterrupt } from './interrupt.ts';
import { leavableWake } from './leavable-wake.ts';
import { eventsOf, type LogSource, logOf, openLogSource, tellIfCached } from './log-events.ts';
import { openProject, type Project } from './project.ts';
import { newLogPrinter, tellTrouble, tellWaiting } from './run-printer.ts';
import { hasColour, isLive, say, writeToTerminal } from './terminal.ts';

interface LogsOptions {
  follow?: boolean;
  since?: string;
  tail?: number;
  timestamps?: true;
  plain?: true;
  notify?: true;
}

/** `dstack logs RUN[/JOB]`: prints; what is longer than the terminal is shown on a screen of its own. */
export async function logs(name: string, options: LogsOptions): Promise<void> {
  if (options.notify && !options.follow)
    throw usageError('nothing-to-wait-for', '--notify tells of an end that is waited for', 'add -f');
  const since = options.since === undefined ? 0 : Date.now() / 1000 - secondsOf(options.since);
  const source = await openLogSource(await openProject(), name);
  const asked = options.follow || options.plain || options.timestamps;
  const part = options.since !== undefined || options.tail !== undefined;
  if (!asked && !part && process.stdin.isTTY && isLive(process.stdout)) {
    if (await isLonger(source, process.stdout.rows - 1)) {
      const { showLogScreen } = await import('./log-screen.ts');
      return showLogScreen(source, { follow: false });
    }
  }
  const printers = openPrinters(source, options.timestamps ?? false);
  if (options.follow && !source.jobs.every((one) => isFinal(one.state)))
    return followLogs(source, printers, since, options.notify ?? false);
  await printLogs(source, printers, since, options.tail);
  if (options.notify) tellEnd(source.run, source.job);
}

/** The log of a job, or of all of a run, on a screen of its own, followed until the user leaves it. */
export async function showLogs(project: Project, name: string): Promise<void> {
  const { showLogScreen } = await import('./log-screen.ts');
  await showLogScreen(await openLogSource(project, name), { follow: true });
}

interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Printers {
  print(job: string, bytes: Uint8Array, at?: number): void;
  endAll(): void;
}

function openPrinters({ jobs }: LogSource, times: boolean): Printers {
  const prefixes = jobPrefixes(
    jobs.map((one) => one.name),
    { colour: hasColour(process.stdout) },
  );
  const printers = new Map<string, LinePrinter>();
  return {
    print(job, bytes, at) {
      const printer = printers.get(job) ?? newLogPrinter(prefixes.get(job) ?? '', times);
      printers.set(job, printer);
      printer.push(bytes, at);
    },
    endAll() {
      for (const printer of printers.values()) printer.end();
      printers.clear();
    },
  };
}

/** As far as they go now, one job after the other. */
async function printLogs(
  source: LogSource,
  { print, endAll }: Printers,
  since: number,
  tail: number | undefined,
): Promise<void> {
  let isSilent = true;
  for (const job of source.jobs) {
    const pieces: Piece[] = [];
    for await (const { at, bytes } of logOf(source, job, since)) {
      isSilent &&= bytes.length === 0;
      if (tail === undefined) print(job.name, bytes, at);
      else keepLastLines(pieces, { at, bytes }, tail);
    }
    for (const { at, bytes } of pieces) print(job.name, bytes, at);
    endAll();
    tellIfCached(job, say);
  }
  const isAll = since === 0 && tail === undefined;
  if (isAll && isSilent && source.jobs.every((one) => one.cachedFrom === null)) tellSilence(source);
}

/** Of jobs of which there is not a byte. */
function tellSilence({ run, job, jobs }: LogSource): void {
  const name = plainText(job === null ? run.name : `${run.name}/${job}`);
  const reason = jobs.length === 1 ? jobs[0]?.reason : null;
  if (!jobs.every((one) => isFinal(one.state)))
    say(`${name} has no output yet; \`dstack logs -f ${name}\` waits for it`);
  else say(`${name} has no output${reason ? `: ${plainText(reason)}` : ''}`);
}

async function followLogs(
  source: LogSource,
  { print, endAll }: Printers,
  since: number,
  notify: boolean,
): Promise<void> {
  const wake = leavableWake(openWake(source.ledger.shared));
  const interruption = onInterrupt(() => wake.leave());
  const trouble = tellTrouble();
  const waiting = tellWaiting();
  let last = source.run;
  try {
    for await (const event of eventsOf(source, wake, since)) {
      if (wake.left) break;
      trouble(event);
      if (event.kind === 'log') print(event.job, event.bytes, event.at);
      else if (event.kind === 'run') {
        last = event.run;
        waiting(last.jobs.filter(({ name }) => source.jobs.some((one) => one.name === name)));
      }
    }
  } catch (error) {
    if (!wake.left) throw error;
  } finally {
    endAll();
    interruption.release();
    wake.close();
  }
  if (wake.left) process.exitCode = 130;
  else if (notify) tellEnd(last, source.job);
}

function tellEnd(run: RunView, job: string | null): void {
  writeToTerminal(bell(endNotice(run, job, Date.now()), process.env));
}

/** Has it more lines than these? Reads no further than it takes to know. */
async function isLonger(source: LogSource, lines: number): Promise<boolean> {
  let count = 0;
  for (const job of source.jobs) {
    for await (const { bytes } of logOf(source, job)) {
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
      // A progress bar is one line, however long it has become.
      if (count > lines) return true;
    }
  }
  return false;
}

function secondsOf(text: string): number {
  const milliseconds = /^\d+(\.\d+)?\s*[a-z]+$/i.test(text) ? ms(text as ms.StringValue) : undefined;
  if (milliseconds === undefined)
    throw usageError('bad-duration', `${JSON.stringify(text)} is no duration`, 'write it like 90s, 5m or 2h');
  return milliseconds / 1000;
}

/** Adds a piece to the end of a growing text, and keeps of all only so many lines at the end. */
function keepLastLines(pieces: Piece[], piece: Piece, lines: number): void {
  if (lines === 0 || piece.bytes.length === 0) return;
  pieces.push(piece);
  // The line break at the very end does not begin a line.
  let wanted = lines + (piece.bytes.at(-1) === 10 ? 1 : 0);
  for (let index = pieces.length - 1; index >= 0; index -= 1) {
    const { at, bytes } = pieces[index] as Piece;
    for (let end = bytes.lastIndexOf(10); end >= 0; end = end === 0 ? -1 : bytes.lastIndexOf(10, end - 1)) {
      wanted -= 1;
      if (wanted > 0) continue;
      pieces.splice(0, index + 1, { at, bytes: bytes.subarray(end + 1) });
      return;
    }
  }
}
