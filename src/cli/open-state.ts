import { DstackError } from '../errors.ts';
import { findRun, readForNames } from '../ledger/find-run.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { newestFirst } from '../ledger/newest-first.ts';
import { openStateReader, shownAtLeast } from '../ledger/read-state.ts';
import { isFinal, type LedgerState, type RunView } from '../ledger/state.ts';
import { listTags, type Tag } from '../ledger/tags.ts';
import { openLedgerAt, openLedgers, openLocalLedger, type Project } from './project.ts';
import { warn } from './terminal.ts';

/** The states of several ledgers as one: newest run first. What `sync --push` has sent is in the first of them, too. */
export function mergeStates(states: readonly LedgerState[]): LedgerState {
  if (states.length === 1) return states[0] as LedgerState;
  const runs = new Map<string, RunView>();
  for (const run of states.flatMap((state) => state.runs)) {
    const key = `${run.name} ${run.commit}`;
    const known = runs.get(key);
    // Half sent, it has ended here only.
    if (!known || (!isFinal(known.state) && isFinal(run.state))) runs.set(key, run);
  }
  return {
    runs: [...runs.values()].sort(newestFirst),
    runners: states.flatMap((state) => state.runners),
    archived: states.reduce((sum, state) => sum + state.archived, 0),
  };
}

/**
 * Reads every ledger of a project, again and again; remembers what can't change. `atLeast`: so many of the newest runs of
 * each, if there are.
 * @param options.whole fail if one of them can't be read; otherwise the runs of `--local` are shown without the others
 * @param options.all every run there is, also those that are archived
 * @returns `homeOf`: the ledger that has a run which was read
 */
export async function openProjectState(
  project: Project,
  options: { whole?: boolean; all?: boolean } = {},
): Promise<{
  ledgers: Ledger[];
  read(atLeast?: number): Promise<LedgerState>;
  homeOf(run: RunView): Ledger | undefined;
}> {
  // Of several repositories one that can't be used from the beginning keeps nobody from the others.
  const isOwn = project.remotes === undefined;
  const ledgers = options.whole && isOwn ? await openLedgers(project) : await openReachable(project);
  const readers = ledgers.map((ledger) => openStateReader(ledger));
  const homes = new WeakMap<RunView, Ledger>();
  return {
    ledgers,
    homeOf: (run) => homes.get(run),
    read: async (atLeast = shownAtLeast) => {
      const readings = await Promise.allSettled(
        readers.map((reader) => (options.all ? reader.readAll() : reader.readNewest(atLeast))),
      );
      const states = readings.flatMap((reading, index) => {
        if (reading.status === 'rejected') return [];
        const ledger = ledgers[index] as Ledger;
        const state = project.remotes ? withRepository(reading.value, ledger) : reading.value;
        for (const run of state.runs) homes.set(run, ledger);
        return [state];
      });
      const failed = readings.filter((reading) => reading.status === 'rejected');
      if (failed[0] && (options.whole || states.length === 0)) throw failed[0].reason;
      for (const { reason } of failed) warnUnreachable(project, reason);
      return mergeStates(states);
    },
  };
}

export interface LocatedRun {
  readonly ledger: Ledger;
  readonly run: RunView;
  /** The job that was named, too. */
  readonly job: string | null;
}

/**
 * Finds a run that a person named, and the ledger that it is in.
 * @param opened the project's ledgers, if they are open already
 * @throws DstackError `unknown-run`, `ambiguous-run`, `unknown-job`, `unknown-tag`
 */
export async function locateRun(
  project: Project,
  text: string,
  opened?: readonly Ledger[],
): Promise<LocatedRun> {
  return (await locateRuns(project, [text], opened))[0] as LocatedRun;
}

/** As {@link locateRun}, of several; each repository is looked at once. */
export async function locateRuns(
  project: Project,
  texts: readonly string[],
  opened?: readonly Ledger[],
): Promise<LocatedRun[]> {
  const found: { ledger: Ledger; state: LedgerState; tags: Map<string, Tag> }[] = [];
  let failure: unknown = null;
  for (const ledger of opened ?? (await openReachable(project))) {
    try {
      const areTags = texts.some((text) => text.startsWith(':'));
      const tags = areTags ? await listTags(ledger) : new Map<string, Tag>();
      found.push({ ledger, state: await readForNames(ledger, texts, tags), tags });
    } catch (error) {
      failure = error;
    }
  }
  if (found.length === 0) throw failure;
  const state = mergeStates(found.map((one) => one.state));
  const tags = new Map(found.toReversed().flatMap((one) => [...one.tags]));
  try {
    return texts.map((text) => {
      const { run, job } = findRun(state, text, tags);
      const home = found.find((one) => one.state.runs.includes(run));
      return { ledger: (home as (typeof found)[number]).ledger, run, job };
    });
  } catch (error) {
    // It may be in the one that can't be reached.
    const unknown = error instanceof DstackError && /^unknown-(run|tag)$/.test(error.code);
    throw unknown && failure !== null ? failure : error;
  }
}

/** Says of each run where it is. */
function withRepository(state: LedgerState, { shared }: Ledger): LedgerState {
  return { ...state, runs: state.runs.map((run) => ({ ...run, repository: shared.location })) };
}

/** As {@link openLedgers}; but where the shared repository is gone, the runs of `--local`, or of others, are still there. */
async function openReachable(project: Project): Promise<Ledger[]> {
  if (project.remotes) {
    const opened = await Promise.allSettled(project.remotes.map((remote) => openLedgerAt(project, remote)));
    const ledgers = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = opened.filter((one) => one.status === 'rejected');
    if (failed[0] && ledgers.length === 0) throw failed[0].reason;
    for (const { reason } of failed) warnUnreachable(project, reason);
    return ledgers;
  }
  try {
    return await openLedgers(project);
  } catch (error) {
    const local = await openLocalLedger(project, false);
    if (local === null) throw error;
    warnUnreachable(project, error);
    return [local];
  }
}

function warnUnreachable({ remotes }: Project, error: unknown): void {
  const left = remotes ? 'its runs are not shown' : 'only the runs of --local are shown';
  warn(`${(error as Error).message}; ${left}`);
}
