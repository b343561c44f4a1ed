import type { FollowEvent } from '../ledger/follow.ts';
import { isFinal, isSuccess, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { createLiveRegion } from '../tui/live-region.ts';
import { columnsOf } from '../tui/log-text.ts';
import { createLinePrinter, jobPrefixes, type LinePrinter } from '../tui/log-view.ts';
import { runTree } from '../tui/run-tree.ts';
import { describeJob, type RunPrinter, tellIfUnserved, tellTrouble } from './run-printer.ts';
import { glyphsOf, hasColour, keepBelow, paint, say } from './terminal.ts';
import { openTyping } from './typing.ts';

const COLOURS = /\x1b\[[0-9;:]*m/g;
/** The cursor stands behind the last line, where a terminal that can't be kept from it echoes what is typed. */
const leftFree = 4;
/** Milliseconds after which a process that asked to be stopped is. */
const STOPPED_BY_NOW = 100;

/**
 * For a terminal: logs as they come, and below them the jobs as a tree that fills in, until it is closed.
 * @param cells what tells the cells of a matrix from each other, by job
 * @param local it is executed in this process: there is no runner to wait for
 */
export function createLiveRunPrinter(
  jobs: readonly string[],
  cells: ReadonlyMap<string, string>,
  local: boolean,
): RunPrinter {
  const stream = process.stderr;
  const region = createLiveRegion({
    write: (text) => stream.write(text),
    get columns() {
      // Node asks the terminal how large it is only at this signal, which on a busy machine comes late.
      process.emit('SIGWINCH', 'SIGWINCH');
      return stream.columns;
    },
  });
  const prefixes = jobPrefixes(jobs, { colour: hasColour(process.stdout) });
  const printers = new Map<string, LinePrinter>();
  const told = new Set<string>();
  const typing = openTyping();
  const trouble = tellTrouble();
  const colour = hasColour(stream);
  const glyphs = glyphsOf(stream);
  let run: RunView | null = null;
  let isTold = local;
  let hidden = false;
  let stopped = false;

  const draw = () => {
    if (run === null || hidden || stopped) return;
    const width = Math.max(10, stream.columns - leftFree);
    // Half of the screen belongs to the log.
    const height = Math.max(1, Math.floor(stream.rows / 2));
    const open = [...printers].map(([job, printer]) => [job, printer.unfinished()] as const);
    const lines = open.flatMap(([, text]) => (jobs.length > 1 || text === '' ? [] : [text]));
    const progress = jobs.length > 1 ? open.map(([job, text]) => [job, flat(text)] as const) : [];
    region.show([
      ...lines.map((line) => columnsOf(untabbed(line), 0, width)),
      ...runTree(run, { now: Date.now(), width, height, cells, progress: new Map(progress), colour, glyphs }),
    ]);
  };
  const printerOf = (job: string): LinePrinter => {
    const printer = printers.get(job) ?? linePrinter(prefixes.get(job) ?? '');
    printers.set(job, printer);
    return printer;
  };
  /** What the tree shows no longer, once it is over. */
  const tell = (view: RunView) => {
    for (const job of view.jobs) {
      if (isFinal(job.state)) {
        printers.get(job.name)?.end();
        printers.delete(job.name);
      }
      const unhappy = isFinal(job.state) && !isSuccess(job.state) && !isFinal(view.state);
      const again = job.attempt > 1 && job.state === 'claimed';
      const text = unhappy || again ? `${plainText(job.name)}: ${describeJob(job, view)}` : null;
      if (text === null || told.has(text)) continue;
      told.add(text);
      say(paint('dim', text));
    }
  };

  const ticking = setInterval(draw, 1_000);
  ticking.unref();
  // The shell's words must not be taken for lines of the tree.
  const suspend = () => {
    stopped = true;
    region.hide();
    typing.show();
    process.off('SIGTSTP', suspend);
    process.kill(process.pid, 'SIGTSTP');
    // Without a shell that could continue it, it was not stopped.
    setTimeout(resume, STOPPED_BY_NOW);
  };
  const resume = () => {
    if (!stopped) return;
    stopped = false;
    process.on('SIGTSTP', suspend);
    if (!hidden) typing.hide();
    draw();
  };
  typing.hide();
  stream.on('resize', draw);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', resume);
  keepBelow((write) => region.above(write));

  return {
    show(event: FollowEvent) {
      trouble(event);
      if (event.kind === 'run') {
        run = event.run;
        if (!isTold) isTold = tellIfUnserved(event.run.jobs);
        tell(event.run);
      } else if (event.kind === 'log') {
        if (process.stdout.isTTY) region.above(() => printerOf(event.job).push(event.bytes));
        else printerOf(event.job).push(event.bytes);
      }
      draw();
    },
    hide(isHidden) {
      hidden = isHidden;
      region.hide();
      if (hidden) typing.show();
      else typing.hide();
      draw();
    },
    close() {
      clearInterval(ticking);
      stream.off('resize', draw);
      process.off('SIGTSTP', suspend);
      process.off('SIGCONT', resume);
      stopped = false;
      region.hide();
      typing.show();
      keepBelow(null);
      for (const printer of printers.values()) printer.end();
    },
  };
}

function linePrinter(prefix: string): LinePrinter {
  return createLinePrinter({
    prefix,
    colour: hasColour(process.stdout),
    // What is below moves with every line: an unfinished one can't stay where it is.
    terminal: false,
    write: (text) => void process.stdout.write(text),
  });
}

const untabbed = (text: string): string => text.replaceAll('\t', '  ');
const flat = (text: string): string => untabbed(text.replace(COLOURS, '')).trim();
