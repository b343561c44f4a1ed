import { type FollowEvent, followRun } from '../ledger/follow.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type ReadStored, readLog } from '../ledger/log-chunks.ts';
import type { JobView, RunView } from '../ledger/state.ts';
import type { Wake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { orPruned } from './explain-pruned.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, type Project } from './project.ts';

/** Whose logs are to be read. */
export interface LogSource {
  readonly project: Project;
  readonly ledger: Ledger;
  readonly run: RunView;
  /** Only this one. */
  readonly job: string | null;
  readonly jobs: readonly JobView[];
  readonly readStored: ReadStored;
}

/** @throws DstackError if there is no such run or job */
export async function openLogSource(project: Project, name: string): Promise<LogSource> {
  const { ledger, run, job } = await locateRun(project, name);
  const store = await openLedgerStore(project, ledger).catch(() => null);
  return {
    ...{ project, ledger, run, job },
    jobs: run.jobs.filter((one) => job === null || one.name === job),
    readStored: store ? (sha256) => store.read(sha256) : null,
  };
}

type LogEvent = Extract<FollowEvent, { kind: 'log' }>;

/** The log of one job as far as it goes now. @param since leaves out what was written before this second */
export async function* logOf(source: LogSource, job: JobView, since = 0): AsyncGenerator<LogEvent> {
  const { ledger, run, readStored } = source;
  if (job.commit === null) return;
  const id = { run: run.name, job: job.name };
  const read = readStored && ((sha256: string) => orPruned(ledger, id, () => readStored(sha256)));
  for await (const { at, bytes } of readLog(ledger.shared, job.commit, 0, read, since))
    yield { kind: 'log', job: job.name, at, bytes };
}

/** Says why a job has no log of its own, if its result is that of another. */
export function tellIfCached({ name, cachedFrom }: JobView, notice: (words: string) => void): void {
  if (cachedFrom)
    notice(`${plainText(name)} was not executed: its result is that of ${cachedFrom.run}/${cachedFrom.job}`);
}

/** The logs, and all that happens, to the end. */
export function eventsOf(source: LogSource, wake: Wake, since = 0): AsyncGenerator<FollowEvent> {
  const { project, ledger, run, job, readStored } = source;
  const { poll } = project.config.runner;
  return followRun(ledger, { run: run.name, job, wake, poll, readStored, since });
}
