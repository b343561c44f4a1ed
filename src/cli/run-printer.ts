import { StringDecoder } from 'node:string_decoder';
import type { FollowEvent } from '../ledger/follow.ts';
import { isFinal, type JobView, type RunView } from '../ledger/state.ts';
import { nobodyThere } from '../ledger/wait-words.ts';
import { plainText } from '../terminal-text.ts';
import { createLinePrinter, jobPrefixes, type LinePrinter } from '../tui/log-view.ts';
import { hasColour, paint, say, warn } from './terminal.ts';

/** Shows how a run goes on. */
export interface RunPrinter {
  show(event: FollowEvent): void;
  /** Out of the way of a question, and back again. */
  hide(hidden: boolean): void;
  /** Once nothing more comes. */
  close(): void;
}

/**
 * For pipes and CI systems: logs on standard output, each job's lines behind its name if there are several; what happens on standard error.
 * @param jobs the names of the run's jobs
 * @param local it is executed in this process: there is no runner to wait for
 */
export function createRunPrinter(jobs: readonly string[], local: boolean): RunPrinter {
  const prefixes = jobPrefixes(jobs, { colour: hasColour(process.stdout) });
  const printers = new Map<string, LinePrinter>();
  const told = new Map<string, string>();
  const trouble = tellTrouble();
  const waiting = tellWaiting();
  const tell = (job: JobView, run: RunView) => {
    // Its own runner is about to take it.
    if (local && job.state === 'submitted') return;
    const text = describeJob(job, run);
    if (text === null || told.get(job.name) === text) return;
    // Of the cells of a matrix, which all wait for the same, it is said once.
    const isKnown = job.state === 'submitted' && [...told.values()].includes(text);
    told.set(job.name, text);
    if (isKnown) return;
    printers.get(job.name)?.end();
    printers.delete(job.name);
    say(paint('dim', `${plainText(job.name)}: ${text}`));
  };
  const show = (event: FollowEvent) => {
    trouble(event);
    if (event.kind === 'run') {
      if (!local) waiting(event.run.jobs);
      for (const job of event.run.jobs) tell(job, event.run);
    } else if (event.kind === 'log') {
      const printer = printers.get(event.job) ?? newLogPrinter(prefixes.get(event.job) ?? '');
      printers.set(event.job, printer);
      printer.push(event.bytes);
    }
  };
  return { show, hide: () => {}, close: () => {} };
}

/** Says once that nobody has begun with any of these jobs, and how a runner is had if there is none at all. */
export function tellWaiting(): (jobs: readonly JobView[]) => void {
  let told = false;
  return (jobs) => {
    if (told || !jobs.every((job) => job.state === 'submitted')) return;
    told = true;
    if (!tellIfUnserved(jobs)) say(paint('dim', 'waiting for a runner; `dstack runners` lists them'));
  };
}

/** Says so, if it is that there is no runner that jobs wait for. */
export function tellIfUnserved(jobs: readonly JobView[]): boolean {
  const isUnserved = jobs.some(({ state, reason }) => state === 'submitted' && reason === nobodyThere);
  if (isUnserved) say(paint('dim', 'there is no runner: `dstack runner start` starts one on this machine'));
  return isUnserved;
}

/** Says that the repository does not answer, once for each time, or that the run is gone. */
export function tellTrouble(): (event: FollowEvent) => void {
  let troubled = false;
  return (event) => {
    if (event.kind === 'trouble' && !troubled) warn(`${event.error.message}; trying again until it answers`);
    if (event.kind === 'gone') warn('the run is gone from the shared repository');
    troubled = event.kind === 'trouble';
  };
}

/** Prints one job's log to standard output. */
export function newLogPrinter(prefix: string, times = false): LinePrinter {
  return createLinePrinter({
    prefix,
    times,
    colour: hasColour(process.stdout),
    terminal: Boolean(process.stdout.isTTY),
    write: (text) => void process.stdout.write(text),
  });
}

/** What has become of a job, for a line of its own; null: nothing worth one. */
export function describeJob(job: JobView, run: RunView): string | null {
  const where = job.runner ? ` on ${plainText(job.runner)}` : '';
  const attempt = job.attempt > 1 ? `, attempt ${job.attempt}` : '';
  const reason = job.reason ? `: ${plainText(job.reason)}` : '';
  // That nobody could take it is worth saying; who is busy shows in the status.
  if (job.state === 'submitted') return job.fits === false && job.reason ? plainText(job.reason) : null;
  if (job.state === 'claimed') return `claimed${where}${attempt}${reason}`;
  if (job.state === 'cached') return `cached, from ${job.cachedFrom?.run}/${job.cachedFrom?.job}`;
  if (isFinal(job.state)) {
    // The summary that comes at once at a run's end has the reasons; `stopped by …` says both.
    if (isFinal(run.state)) return job.state;
    return job.reason?.startsWith(job.state) ? plainText(job.reason) : `${job.state}${reason}`;
  }
  return `${job.state}${where}${reason}`;
}

/** One JSON document a line. A character that the end of a piece of log has cut comes whole, with the next one. */
export function createJsonPrinter(): RunPrinter {
  const decoders = new Map<string, StringDecoder>();
  const print = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const printText = (job: string, text: string) => text !== '' && print({ kind: 'log', job, text });
  const show = (event: FollowEvent) => {
    if (event.kind === 'log') {
      const decoder = decoders.get(event.job) ?? new StringDecoder('utf8');
      decoders.set(event.job, decoder);
      printText(event.job, decoder.write(event.bytes));
      return;
    }
    if (event.kind === 'run')
      for (const { name, state } of event.run.jobs)
        if (isFinal(state)) printText(name, decoders.get(name)?.end() ?? '');
    print(event.kind === 'trouble' ? { kind: 'trouble', error: event.error.message } : event);
  };
  return { show, hide: () => {}, close: () => {} };
}
