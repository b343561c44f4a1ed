import { usageError } from '../errors.ts';
import { isFinal, jobStates, type LedgerState } from '../ledger/state.ts';
import { requestStop } from '../ledger/stop.ts';
import { openWake } from '../ledger/wake.ts';
import { runTable, selectRuns, statusTable } from '../tui/status-table.ts';
import { whoAmI } from './follow-to-the-end.ts';
import { showLogs } from './logs.ts';
import { locateRun, openProjectState } from './open-state.ts';
import { openProject, type Project } from './project.ts';
import { hasColour, printJson } from './terminal.ts';

interface StatusOptions {
  all?: true;
  limit?: number;
  workflow?: string;
  state?: string;
  plain?: true;
  json?: true;
}

export async function status(name: string | undefined, options: StatusOptions): Promise<void> {
  if (options.state !== undefined && !(jobStates as readonly string[]).includes(options.state)) {
    throw usageError(
      'unknown-state',
      `there is no state ${JSON.stringify(options.state)}`,
      `the states are: ${jobStates.join(', ')}`,
    );
  }
  const project = await openProject();
  if (process.stdout.isTTY && process.stdin.isTTY && !options.json && !options.plain && name === undefined) {
    return live(project, options);
  }
  const now = Date.now();
  const table = {
    now,
    colour: hasColour(process.stdout),
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
  if (name !== undefined) {
    const { run } = await locateRun(project, name);
    if (options.json) printJson(run);
    else process.stdout.write(runTable(run, table));
    return;
  }
  const { read } = await openProjectState(project);
  const state = select(await read(), options);
  if (options.json) {
    const { runs } = selectRuns(state, options);
    printJson({ runs, runners: state.runners });
    return;
  }
  process.stdout.write(statusTable(state, { ...table, all: options.all, limit: options.limit }));
}

function select(state: LedgerState, options: StatusOptions): LedgerState {
  const runs = state.runs.filter(
    (run) =>
      (options.workflow === undefined || run.workflow === options.workflow) &&
      (options.state === undefined || run.state === options.state),
  );
  return { ...state, runs };
}

/** The live screen; leaving it for a log comes back to it. */
async function live(project: Project, options: StatusOptions): Promise<void> {
  const { renderStatus } = await import('../tui/status-screen.tsx');
  const { ledgers, read } = await openProjectState(project);
  const wakes = await Promise.all(ledgers.map((ledger) => openWake(ledger.shared)));
  let over = false;
  const source = {
    subscribe(
      listener: (reading: { state: LedgerState | null; error: string | null; readAt: number }) => void,
    ) {
      let subscribed = true;
      let last: { state: LedgerState | null; readAt: number } = { state: null, readAt: Date.now() };
      void (async () => {
        while (subscribed && !over) {
          try {
            last = { state: select(await read(), options), readAt: Date.now() };
            if (subscribed) listener({ ...last, error: null });
          } catch (error) {
            if (subscribed) listener({ ...last, error: (error as Error).message });
          }
          await Promise.race(wakes.map((wake) => wake.wait(project.config.runner.poll)));
        }
      })();
      return () => {
        subscribed = false;
      };
    },
  };
  const stop = async (run: string, job: string | null): Promise<string> => {
    const { ledger, run: view } = await locateRun(project, job === null ? run : `${run}/${job}`);
    const targets = view.jobs.flatMap((one) =>
      one.queueEntry && !isFinal(one.state) && (job === null || one.name === job)
        ? [{ id: { run, job: one.name }, queueEntry: one.queueEntry }]
        : [],
    );
    const asked = await requestStop(ledger, targets, { abort: false, by: whoAmI() });
    return asked.length > 0
      ? `asked ${asked.length} ${asked.length === 1 ? 'job' : 'jobs'} of ${run} to stop`
      : 'nothing to stop';
  };
  let selected: { run: string; job: string | null } | null = null;
  try {
    for (;;) {
      const { action } = await renderStatus({ source, actions: { stop }, selected });
      if (action === 'quit') return;
      selected = action.logs;
      await showLogs(
        project,
        action.logs.job === null ? action.logs.run : `${action.logs.run}/${action.logs.job}`,
        { follow: true, pauseAtEnd: true },
      );
    }
  } finally {
    over = true;
    await Promise.all(wakes.map((wake) => wake.close()));
    for (const ledger of ledgers) ledger.close();
  }
}
