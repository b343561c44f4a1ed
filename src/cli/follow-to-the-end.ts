import type { RefUpdater } from '../git/ref-updater.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { addToHistory } from '../ledger/add-to-history.ts';
import { followRun } from '../ledger/follow.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isSuccess, type RunView } from '../ledger/state.ts';
import { openWake } from '../ledger/wake.ts';
import { bell, endNotice } from '../tui/end-notice.ts';
import { cellOf } from '../tui/plan-tree.ts';
import { runSummary } from '../tui/summary.ts';
import { readArtifactLines } from './artifact-lines.ts';
import type { InterruptHandler, Interruption } from './interrupt.ts';
import { leavableWake } from './leavable-wake.ts';
import { openLedgerStore, type Project } from './project.ts';
import { createJsonPrinter, createRunPrinter, type RunPrinter } from './run-printer.ts';
import { stopJobs, stopTargets } from './stop-jobs.ts';
import {
  ask,
  canDrawBelow,
  glyphsOf,
  hasColour,
  keepOnWithoutReader,
  say,
  warn,
  writeToTerminal,
} from './terminal.ts';

/** A run that goes on for so long leaves time for more than itself; milliseconds. */
const worthIt = 1_000;

export interface SubmittedRun {
  readonly name: string;
  readonly jobs: readonly JobSpec[];
}

/**
 * Shows a run until it has ended: its logs on standard output, what happens on standard error. For one that lasts the history
 * of all others is fetched meanwhile, so that nobody waits for it at the end.
 * @param options.ownRefs of the project's own repository; is closed
 * @returns the exit code: 0 done, 1 not, 130 interrupted
 */
export async function followToTheEnd(
  project: Project,
  ledger: Ledger,
  { name: run, jobs }: SubmittedRun,
  options: {
    local: boolean;
    json: boolean;
    notify: boolean;
    interruption: Interruption;
    ownRefs: RefUpdater;
  },
): Promise<number> {
  const wake = leavableWake(openWake(ledger.shared));
  let last: RunView | null = null;
  let ending: 'stop' | 'abort' | null = null;
  let asking: Promise<void> | null = null;
  let sync: Promise<void> | null = null;
  let printer: RunPrinter | null = null;
  let store: ReturnType<typeof openLedgerStore> | null = null;

  const end = (how: 'stop' | 'abort'): void => {
    ending = how;
    if (last === null) return;
    stopJobs(project, ledger, stopTargets(last, null), { abort: how === 'abort', wake }).catch(
      (error: unknown) => wake.left || warn((error as Error).message),
    );
  };
  // Nobody else would go on with a local run, so there is nothing to ask.
  const interruptLocal: InterruptHandler = () => {
    say(ending === null ? 'stopping; Ctrl+C again aborts, without saving artifacts' : 'aborting');
    end(ending === null ? 'stop' : 'abort');
  };
  const interruptRemote: InterruptHandler = (_count, signal) => {
    if (signal !== 'SIGINT') return wake.leave();
    if (asking !== null) return;
    printer?.hide(true);
    const stop = ending === null ? `[s]top ${run}` : `[a]bort ${run} without saving artifacts`;
    asking = ask(`${stop}, [d]etach and let it go on, or [c]ontinue to watch? `).then((answer) => {
      if (answer === null || /^d/i.test(answer)) wake.leave();
      else if (/^[sa]/i.test(answer)) end(ending === null ? 'stop' : 'abort');
      asking = null;
      printer?.hide(false);
    });
  };
  options.interruption.answer(options.local ? interruptLocal : interruptRemote);
  // It came while nobody was there to answer it.
  if (options.interruption.count() > 0) (options.local ? interruptLocal : interruptRemote)(1, 'SIGINT');

  if (options.local) keepOnWithoutReader();
  // The most that one of its jobs runs on.
  const nodes = Math.max(1, ...jobs.map((spec) => spec.nodes ?? 1));
  const runner = options.local
    ? await (await import('./embedded-runner.ts')).embeddedRunners(project, ledger, run, nodes, wake.notify)
    : null;
  printer = options.json ? createJsonPrinter() : await printerFor(jobs, options.local);
  const events = followRun(ledger, {
    run,
    job: null,
    wake,
    poll: options.local ? 200 : project.config.runner.poll,
    // Only long logs are partly there. What can't be opened is said in their place.
    readStored: async (sha256) => {
      store ??= openLedgerStore(project, ledger);
      return (await store).read(sha256);
    },
  });
  const beginSync = () => {
    sync = syncOthers(project);
  };
  const lasting = options.local ? undefined : setTimeout(beginSync, worthIt);
  try {
    for await (const event of events) {
      // A question stands alone on the screen until it is answered.
      await asking;
      if (event.kind === 'run') {
        const first = last === null;
        last = event.run;
        if (first && ending !== null) end(ending);
      }
      if (wake.left) break;
      printer.show(event);
    }
  } catch (error) {
    if (!wake.left) throw error;
  } finally {
    printer.close();
    await runner?.end();
    wake.close();
    clearTimeout(lasting);
    options.interruption.release();
  }
  if (wake.left) {
    say(`${run} goes on without you: \`dstack logs -f ${run}\` watches, \`dstack stop ${run}\` stops it`);
    return 130;
  }
  if (last === null) return 1;
  const outcome: RunView = last;
  if (!options.json) say(await closingWords(ledger, outcome));
  if (options.notify) writeToTerminal(bell(endNotice(outcome, null, Date.now()), process.env));
  // For `git log refs/dstack/runs`; the run's outcome does not depend on it.
  await (options.local ? syncOthers(project) : sync);
  await addToHistory(ledger, outcome, options.ownRefs).catch(() => {});
  options.ownRefs.close();
  if (isSuccess(outcome.state)) return 0;
  return ending === null ? 1 : 130;
}

async function closingWords(ledger: Ledger, run: RunView): Promise<string> {
  const { stderr } = process;
  return runSummary(run, {
    now: Date.now(),
    artifacts: (await readArtifactLines(ledger, run)) ?? undefined,
    width: stderr.isTTY ? stderr.columns : undefined,
    colour: hasColour(stderr),
    glyphs: glyphsOf(stderr),
  }).trimEnd();
}

/** Animated where somebody watches, plain lines elsewhere. */
async function printerFor(jobs: readonly JobSpec[], local: boolean): Promise<RunPrinter> {
  const names = jobs.map(({ name }) => name);
  if (!canDrawBelow()) return createRunPrinter(names, local);
  const { createLiveRunPrinter } = await import('./live-run-printer.ts');
  return createLiveRunPrinter(names, new Map(jobs.map((spec) => [spec.name, cellOf(spec)])), local);
}

async function syncOthers(project: Project): Promise<void> {
  const { syncHistory } = await import('./sync.ts');
  await syncHistory(project).catch(() => {});
}
