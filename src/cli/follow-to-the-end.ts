import { followRun } from '../ledger/follow.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isSuccess, type RunView } from '../ledger/state.ts';
import { openWake } from '../ledger/wake.ts';
import { runSummary } from '../tui/summary.ts';
import type { InterruptHandler, Interruption } from './interrupt.ts';
import { leavableWake } from './leavable-wake.ts';
import { openLedgerStore, type Project } from './project.ts';
import { createJsonPrinter, createRunPrinter } from './run-printer.ts';
import { stopJobs, stopTargets } from './stop-jobs.ts';
import { syncHistory } from './sync.ts';
import { ask, hasColour, keepOnWithoutReader, say, warn } from './terminal.ts';

export interface SubmittedRun {
  readonly name: string;
  readonly jobs: readonly string[];
}

/**
 * Shows a run until it has ended: its logs on standard output, what happens on standard error.
 * @returns the exit code: 0 done, 1 not, 130 interrupted
 */
export async function followToTheEnd(
  project: Project,
  ledger: Ledger,
  { name: run, jobs }: SubmittedRun,
  options: { local: boolean; json: boolean; interruption: Interruption },
): Promise<number> {
  const store = await openLedgerStore(project, ledger).catch(() => null);
  const wake = leavableWake(await openWake(ledger.shared));
  let last: RunView | null = null;
  let ending: 'stop' | 'abort' | null = null;
  let asking: Promise<void> | null = null;

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
    const stop = ending === null ? `[s]top ${run}` : `[a]bort ${run} without saving artifacts`;
    asking = ask(`${stop}, [d]etach and let it go on, or [c]ontinue to watch? `).then((answer) => {
      if (answer === null || /^d/i.test(answer)) wake.leave();
      else if (/^[sa]/i.test(answer)) end(ending === null ? 'stop' : 'abort');
      asking = null;
    });
  };
  options.interruption.answer(options.local ? interruptLocal : interruptRemote);
  // It came while nobody was there to answer it.
  if (options.interruption.count() > 0) (options.local ? interruptLocal : interruptRemote)(1, 'SIGINT');

  if (options.local) keepOnWithoutReader();
  const runner = options.local
    ? await (await import('./embedded-runner.ts')).embeddedRunner(project, ledger, run, wake.notify)
    : null;
  const show = options.json ? createJsonPrinter() : createRunPrinter(jobs, options.local);
  const events = followRun(ledger, {
    run,
    job: null,
    wake,
    poll: options.local ? 200 : project.config.runner.poll,
    readStored: store ? (sha256) => store.read(sha256) : null,
  });
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
      show(event);
    }
  } catch (error) {
    if (!wake.left) throw error;
  } finally {
    await runner?.end();
    await wake.close();
    options.interruption.release();
  }
  if (wake.left) {
    say(`${run} goes on without you: \`dstack logs -f ${run}\` watches, \`dstack stop ${run}\` stops it`);
    return 130;
  }
  if (last === null) return 1;
  const outcome: RunView = last;
  // For `git log refs/dstack/runs`; the run's outcome does not depend on it.
  await syncHistory(project).catch(() => {});
  if (!options.json)
    say(runSummary(outcome, { now: Date.now(), colour: hasColour(process.stderr) }).trimEnd());
  if (isSuccess(outcome.state)) return 0;
  return ending === null ? 1 : 130;
}
