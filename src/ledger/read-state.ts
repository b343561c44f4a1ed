import { type ParsedCommit, parseCommit } from '../git/object-reader.ts';
import { archiveTips, lastFolded, openArchive } from './archive/read-archive.ts';
import { parseFile, type RunnerFile, runnerSchema } from './formats.ts';
import { type JobRefs, viewJob } from './job-views.ts';
import type { Ledger } from './ledger.ts';
import {
  belonging,
  type ClaimTip,
  type LiveReader,
  openLiveReader,
  type QueueEntry,
  readFile,
} from './live.ts';
import { newestFirst } from './newest-first.ts';
import { type JobId, jobName } from './refs.ts';
import { parseRunMessage, type RunMessage } from './run-message.ts';
import { makersByKey, othersOf } from './same-key.ts';
import { isFinal, type JobView, type LedgerState, type RunnerView, type RunView, runState } from './state.ts';

/** Reads a ledger, remembering what can't change. */
export interface StateReader {
  /**
   * The runs that are not archived, and of those that are the newest, if the others are few.
   * @param run only this run, by its full name, wherever it is
   */
  read(run?: string): Promise<LedgerState>;
  /** Without those that are archived. */
  readLive(): Promise<LedgerState>;
  /** Every run there is. */
  readAll(): Promise<LedgerState>;
}

/** So many runs are shown at least, if there are. */
export const shownAtLeast = 20;

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

  /** A stop request counts only for the queue entry that it names. */
  const isStopping = async (ref: JobRefs): Promise<boolean> => {
    if (!ref.stops) return false;
    const request = await live.stopRequest(ref.stops).catch(() => null);
    return request !== null && request.stop.queue === ref.queue;
  };

  const readRefs = async (only?: string): Promise<LedgerState & { refs: ReadonlyMap<string, string> }> => {
    const areas = (['queue', 'claims', 'jobs', 'stops'] as const).map((area) =>
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
    const byRun = new Map<string, Map<string, JobRefs>>();
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
      } else if ('job' in parsed) {
        const ofRun = byRun.get(parsed.run) ?? new Map<string, JobRefs>();
        byRun.set(parsed.run, ofRun);
        ofRun.set(parsed.job, { ...ofRun.get(parsed.job), [parsed.area]: commit });
      }
    }
    const makers = await readMakers(byRun);
    const views: RunView[] = [];
    for (const { name, commit } of runs) {
      if (only !== undefined && name !== only) continue;
      const head = await runCommit(commit);
      if (head?.message.run === name)
        views.push(await viewRun(name, commit, head, byRun.get(name) ?? new Map(), runners, makers));
    }
    views.sort(newestFirst);
    runners.sort((a, b) => compare(a.name, b.name));
    return {
      runs: views,
      runners: only === undefined ? runners.map((card) => withJobs(card, views)) : runners,
      archived: 0,
      refs,
    };
  };

  const readArchived = async (run: string): Promise<RunView[]> => {
    const found = await archive.find(await archive.tips(), run);
    return found === null ? [] : [found.run];
  };

  return {
    async read(only) {
      const { refs, ...state } = await readRefs(only);
      if (only !== undefined) {
        // What is archived has ended, whatever a push that came a second time, late, has created again.
        const there = await archive.find(archiveTips(names, refs), only);
        if (there !== null) return { ...state, runs: [there.run] };
        return state.runs.length > 0 ? state : { ...state, runs: await readArchived(only) };
      }
      const tips = archiveTips(names, refs);
      const missing = shownAtLeast - state.runs.length;
      const newest = missing > 0 && tips.size > 0 ? await lastFolded(archive, tips, missing) : [];
      const runs = together(
        state.runs,
        newest.map(({ run }) => run),
      );
      return { ...state, runs, archived: Math.max(0, (await archive.count(tips)) - newest.length) };
    },
    async readLive() {
      const { refs, ...state } = await readRefs();
      return state;
    },
    async readAll() {
      const { refs, ...state } = await readRefs();
      const all: RunView[] = [];
      for (const commit of (await archive.foldings(await archive.tips(), null)) ?? []) {
        const runs = archived.get(commit) ?? (await archive.folded(commit)).map(({ run }) => run);
        archived.set(commit, runs);
        all.push(...runs);
      }
      return { ...state, runs: together(state.runs, all) };
    },
  };

  /** Who is making what, as far as this listing goes; whether they are alive is not known here. */
  async function readMakers(byRun: ReadonlyMap<string, ReadonlyMap<string, JobRefs>>) {
    const queue = new Map<string, QueueEntry>();
    const claims = new Map<string, ClaimTip>();
    for (const [run, jobs] of byRun) {
      for (const [job, refs] of jobs) {
        if (!refs.claims || !refs.queue) continue;
        const id = { run, job };
        const tip = await claimTip(id, refs.claims);
        const entry = await live.queueEntry(id, refs.queue).catch(() => null);
        if (tip) claims.set(jobName(id), tip);
        if (entry) queue.set(jobName(id), entry);
      }
    }
    return makersByKey({ queue, claims }, { silentFor: () => 0 }, new Set());
  }

  async function viewRun(
    name: string,
    commit: string,
    head: RunCommit,
    refs: ReadonlyMap<string, JobRefs>,
    runners: readonly RunnerView[],
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
      jobs.push(viewJob(id, head.submittedAt, tip, entry, ref, await isStopping(ref), jobs, runners, other));
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

/** What a runner works on, and the image that it waits for, from the claims: its card is as of its last heartbeat. */
function withJobs(card: RunnerView, runs: readonly RunView[]): RunnerView {
  const mine = runs.flatMap((run) =>
    run.jobs.filter((job) => job.runner === card.name && !isFinal(job.state)),
  );
  const pulling = mine.find((job) => job.state === 'pulling');
  return {
    ...card,
    jobs: mine.map((job) => jobName({ run: job.run, job: job.name })),
    // The claim says it sooner than the card.
    waiting: pulling
      ? `the image of ${pulling.run}/${pulling.name}: ${pulling.reason ?? pulling.image}`
      : card.waiting,
  };
}

async function readCard(
  ledger: Ledger,
  commit: string,
  known: Map<string, RunnerView | null>,
): Promise<RunnerView | null> {
  const before = known.get(commit);
  if (before !== undefined) return before;
  const card = await readFile(ledger, commit, 'runner.json')
    .then((content) => viewCard(parseFile(runnerSchema, 'runner.json', content)))
    .catch(() => null);
  known.set(commit, card);
  return card;
}

function viewCard(card: RunnerFile): RunnerView {
  const { format, nonce, instance, pid, ...view } = card;
  return view;
}

/** Commits can bear any number for a time; what is no date is taken for the beginning of time. */
function isoTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
