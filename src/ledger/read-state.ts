import { type ParsedCommit, parseCommit } from '../git/object-reader.ts';
import { archiveTips, openArchive } from './archive/read-archive.ts';
import { type Busy, readAllBusy, readBusy, refsByRun } from './busy-jobs.ts';
import { membersOf } from './fleet.ts';
import { type JobRefs, viewJob } from './job-views.ts';
import type { Ledger } from './ledger.ts';
import { belonging, type ClaimTip, type LiveReader, openLiveReader, type QueueEntry } from './live.ts';
import { newestFirst } from './newest-first.ts';
import type { JobId } from './refs.ts';
import { parseRunMessage, type RunMessage } from './run-message.ts';
import { readCard, withJobs } from './runner-views.ts';
import { makersByKey, othersOf } from './same-key.ts';
import { isFinal, type JobView, type LedgerState, type RunnerView, type RunView, runState } from './state.ts';
import { type Wait, waitForNodes, waitForRunner } from './wait-words.ts';

/** Reads a ledger, remembering what can't change. */
export interface StateReader {
  /**
   * The runs that are not archived, and of those that are the newest, if the others are few.
   * @param run only this run, by its full name, wherever it is
   */
  read(run?: string): Promise<LedgerState>;
  /** The runs that are not archived, and of those that are the newest: so many in all, if there are. */
  readNewest(atLeast: number): Promise<LedgerState>;
  /** Without those that are archived. */
  readLive(): Promise<LedgerState>;
  /** Every run there is. */
  readAll(): Promise<LedgerState>;
}

/** Milliseconds after its submission in which nobody need wonder why a job has not been taken. */
const soonTaken = 3_000;

/** So many runs are shown at least, if there are. */
export const shownAtLeast = 20;

type WaitOf = (entry: QueueEntry, nodes: readonly string[]) => Wait;

/** What is known of a run from its commit. */
export interface RunCommit {
  readonly message: RunMessage;
  readonly submittedAt: string;
  readonly submittedBy: string;
}

/** @throws DstackError from `read` if the shared repository can't be reached */
export function openStateReader(ledger: Ledger, live: LiveReader = openLiveReader(ledger)): StateReader {
  const { shared, names } = ledger;
  const archive = openArchive(shared, names);
  /** By the commits that have brought them. */
  const archived = new Map<string, readonly RunView[]>();
  const runCommits = new Map<string, RunCommit | null>();
  const cards = new Map<string, RunnerView | null>();
  const tips = new Map<string, ClaimTip>();

  const runCommit = async (commit: string): Promise<RunCommit | null> => {
    const known = runCommits.get(commit);
    if (known !== undefined) return known;
    const object = await shared.read(commit);
    const result = object?.type === 'commit' ? readRunCommit(parseCommit(object.content)) : null;
    runCommits.set(commit, result);
    return result;
  };

  const claimTip = async (id: JobId, commit: string): Promise<ClaimTip | null> => {
    const tip = tips.get(commit) ?? (await live.claimTip(commit).catch(() => null));
    if (tip?.kind === 'finished') tips.set(commit, tip);
    try {
      return tip && belonging(id, tip);
    } catch {
      return null;
    }
  };

  const reading = { claimTip, queueEntry: live.queueEntry };

  /** A stop request counts only for the queue entry that it names. */
  const isStopping = async (ref: JobRefs): Promise<boolean> => {
    if (!ref.stops) return false;
    const request = await live.stopRequest(ref.stops).catch(() => null);
    return request !== null && request.stop.queue === ref.queue;
  };

  const readRefs = async (only?: string): Promise<LedgerState & { refs: ReadonlyMap<string, string> }> => {
    const areas = (['queue', 'claims', 'jobs', 'stops', 'nodes'] as const).map((area) =>
      only === undefined ? names.area(area) : names.ofRun(area, only),
    );
    const refs = await shared.list(
      [
        only === undefined ? names.area('runs') : names.run(only),
        ...areas,
        names.area('runners'),
        names.archive('index'),
      ],
      { archived: false },
    );
    const byRun = refsByRun(names, refs);
    const runs: { name: string; commit: string }[] = [];
    const runners: RunnerView[] = [];
    for (const [ref, commit] of refs) {
      const parsed = names.parse(ref);
      if (!parsed) continue;
      if (parsed.area === 'runs') {
        runs.push({ name: parsed.run, commit });
      } else if (parsed.area === 'runners') {
        const card = await readCard(ledger, commit, cards);
        if (card) runners.push(card);
      }
    }
    const busy = await readBusy(byRun, reading);
    const makers = makersByKey(busy, { silentFor: () => 0 }, new Set());
    const views: RunView[] = [];
    for (const { name, commit } of runs) {
      if (only !== undefined && name !== only) continue;
      const head = await runCommit(commit);
      if (head?.message.run !== name) continue;
      const ofRun = byRun.get(name) ?? new Map<string, JobRefs>();
      const isNew = ledger.clock.now() - Date.parse(head.submittedAt) < soonTaken;
      const others =
        only !== undefined && !isNew && isWaiting(ofRun) ? await readAllBusy(ledger, reading) : busy;
      views.push(await viewRun(name, commit, head, ofRun, waitsAmong(runners, others), makers));
    }
    views.sort(newestFirst);
    runners.sort((a, b) => compare(a.name, b.name));
    return {
      runs: views,
      runners: only === undefined ? runners.map((card) => withJobs(card, views, busy.queue)) : runners,
      archived: 0,
      refs,
    };
  };

  const folded = async (commit: string): Promise<readonly RunView[]> => {
    const runs = archived.get(commit) ?? (await archive.folded(commit)).map(({ run }) => run);
    archived.set(commit, runs);
    return runs;
  };

  const readNewest = async (atLeast: number): Promise<LedgerState> => {
    const { refs, ...state } = await readRefs();
    const tips = archiveTips(names, refs);
    const newest: RunView[] = [];
    for await (const commit of archive.newestFoldings(tips)) {
      if (state.runs.length + newest.length >= atLeast) break;
      newest.push(...(await folded(commit)));
    }
    const runs = together(state.runs, newest);
    return { ...state, runs, archived: Math.max(0, (await archive.count(tips)) - newest.length) };
  };

  const readArchived = async (run: string): Promise<RunView[]> => {
    const found = await archive.find(await archive.tips(), run);
    return found === null ? [] : [found.run];
  };

  return {
    async read(only) {
      if (only === undefined) return readNewest(shownAtLeast);
      const { refs, ...state } = await readRefs(only);
      // What is archived has ended, whatever a push that came a second time, late, has created again.
      const there = await archive.find(archiveTips(names, refs), only);
      if (there !== null) return { ...state, runs: [there.run] };
      return state.runs.length > 0 ? state : { ...state, runs: await readArchived(only) };
    },
    readNewest,
    async readLive() {
      const { refs, ...state } = await readRefs();
      return state;
    },
    async readAll() {
      const { refs, ...state } = await readRefs();
      const all: RunView[] = [];
      for (const commit of (await archive.foldings(await archive.tips(), null)) ?? [])
        all.push(...(await folded(commit)));
      return { ...state, runs: together(state.runs, all) };
    },
  };

  /** What the runners that there are make of a job that waits. */
  function waitsAmong(cards: readonly RunnerView[], busy: Busy): WaitOf {
    const members = membersOf(cards, busy);
    return ({ job: { spec } }, nodes) =>
      spec.nodes === undefined
        ? waitForRunner(spec, members, ledger.clock.now())
        : waitForNodes(spec, spec.nodes, nodes, members, ledger.clock.now());
  }

  async function viewRun(
    name: string,
    commit: string,
    head: RunCommit,
    refs: ReadonlyMap<string, JobRefs>,
    waitOf: WaitOf,
    makers: ReturnType<typeof makersByKey>,
  ): Promise<RunView> {
    const jobs: JobView[] = [];
    for (const job of head.message.jobs.keys()) {
      const id = { run: name, job };
      const ref = refs.get(job) ?? {};
      const outcome = ref.jobs ? await claimTip(id, ref.jobs) : null;
      const tip = outcome ?? (ref.claims ? await claimTip(id, ref.claims) : null);
      const entry = ref.queue ? await live.queueEntry(id, ref.queue).catch(() => null) : null;
      const other = (entry && othersOf(makers, entry)[0]?.id) ?? null;
      jobs.push(viewJob(id, head.submittedAt, tip, entry, ref, await isStopping(ref), jobs, waitOf, other));
    }
    return viewOf(name, commit, head, jobs);
  }
}

/** Each run once: one that is being archived can be in both places. */
function together(live: readonly RunView[], archived: readonly RunView[]): RunView[] {
  const runs = new Map([...live, ...archived].map((run) => [run.name, run]));
  return [...runs.values()].sort(newestFirst);
}

/** What a commit says of the run that it is; null: it is none that this version can read. Pure. */
export function readRunCommit({ message: text, committedAt, author }: ParsedCommit): RunCommit | null {
  const message = parseRunMessage(text);
  return message && { message, submittedAt: isoTime(committedAt), submittedBy: author };
}

/** A run as its jobs make it. Pure. */
export function viewOf(name: string, commit: string, head: RunCommit, jobs: readonly JobView[]): RunView {
  const state = runState(jobs.map((job) => job.state));
  const starts = jobs.flatMap((job) => job.claimedAt ?? []).sort();
  const ends = jobs.flatMap((job) => job.finishedAt ?? []).sort();
  return {
    name,
    commit,
    workflow: head.message.workflow,
    variables: head.message.variables,
    submittedAt: head.submittedAt,
    submittedBy: head.submittedBy,
    reason: head.message.reason,
    jobs,
    state,
    startedAt: starts[0] ?? null,
    finishedAt: isFinal(state) ? (ends.at(-1) ?? null) : null,
  };
}

/** Commits can bear any number for a time; what is no date is taken for the beginning of time. */
function isoTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Has it a job that nobody has? */
function isWaiting(jobs: ReadonlyMap<string, JobRefs>): boolean {
  return [...jobs.values()].some((refs) => refs.queue && !refs.claims && !refs.jobs);
}
