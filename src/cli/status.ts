import { usageError } from '../errors.ts';
import type { RecordFile } from '../ledger/formats.ts';
import { imageOf } from '../ledger/image-identity.ts';
import { prunedOf } from '../ledger/prune/pruned-jobs.ts';
import { shownAtLeast } from '../ledger/read-state.ts';
import { jobName } from '../ledger/refs.ts';
import { readCells } from '../ledger/run-cells.ts';
import { readOutcomes } from '../ledger/runs.ts';
import { jobStates, type LedgerState } from '../ledger/state.ts';
import { selectRuns } from '../tui/select-runs.ts';
import { prunedNotices } from './explain-pruned.ts';
import { locateRun, openProjectState } from './open-state.ts';
import { openProject } from './project.ts';
import { hasColour, plural, printJson, say } from './terminal.ts';

interface StatusOptions {
  all?: true;
  limit?: number;
  workflow?: string;
  state?: string;
  remote?: string[];
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
  const project = { ...(await openProject()), remotes: options.remote };
  if (process.stdout.isTTY && process.stdin.isTTY && !options.json && !options.plain && name === undefined) {
    const { showLiveStatus } = await import('./status-live.ts');
    return showLiveStatus(project, (state) => select(state, options));
  }
  const table = {
    now: Date.now(),
    colour: hasColour(process.stdout),
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
  if (name !== undefined) {
    const { ledger, run } = await locateRun(project, name);
    const cells = await readCells(ledger, run);
    const having = run.jobs.flatMap((job) => (job.artifacts ? [job.name] : []));
    if (options.json) {
      const pruned = having.length > 0 ? await prunedOf(ledger, run.name) : new Map<string, string>();
      const ids = run.jobs.map((job) => ({ run: run.name, job: job.name }));
      const outcomes = await readOutcomes(ledger, ids);
      const jobs = run.jobs.map((job) => ({
        ...job,
        ...imageOfOutcome(outcomes.get(jobName({ run: run.name, job: job.name }))?.record),
        matrix: cells.get(job.name) ?? null,
        prunedAt: pruned.get(job.name) ?? null,
      }));
      printJson({ ...run, jobs });
      return;
    }
    process.stdout.write((await tables()).runTable(run, { ...table, cells }));
    if (having.length > 0) for (const notice of await prunedNotices(ledger, run.name, having)) say(notice);
    return;
  }
  const { read } = await openProjectState(project, { all: needsAll(options) });
  const state = select(await read(), options);
  const { runs, hidden } = selectRuns(state, options);
  if (options.json) printJson({ runs, runners: state.runners });
  else
    process.stdout.write(
      (await tables()).statusTable(state, { ...table, all: options.all, limit: options.limit }),
    );
  if (hidden > 0) say(`… ${plural(hidden, 'older run')}: dstack status -a`);
}

/** Which image it was that a job ran in, as far as its record says. */
function imageOfOutcome(record: RecordFile | undefined) {
  const image = record ? imageOf(record) : null;
  return { imageDigest: image?.digest ?? null, imageId: image?.id ?? null };
}

/** Measuring text costs a tenth of a second to load, and JSON needs none of it. */
const tables = () => import('../tui/status-table.ts');

/** Archived runs are read only for who asks for them. */
function needsAll({ all, limit, workflow, state }: StatusOptions): boolean {
  return all === true || (limit ?? 0) > shownAtLeast || workflow !== undefined || state !== undefined;
}

function select(state: LedgerState, options: StatusOptions): LedgerState {
  const runs = state.runs.filter(
    (run) =>
      (options.workflow === undefined || run.workflow === options.workflow) &&
      (options.state === undefined || run.state === options.state),
  );
  return { ...state, runs };
}
