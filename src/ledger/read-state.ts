import { parseCommit } from '../git/object-reader.ts';
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

/** Reads the whole of a ledger, remembering what can't change. */
export interface StateReader {
  /** @param run only this run, by its full name */
  read(run?: string): Promise<LedgerState>;
}

/** What is known of a run from its commit. */
export interface RunCommit {
  readonly message: RunMessage;
  readonly submittedAt: string;
  readonly submittedBy: string;
}

/** @throws DstackError from `read` if the shared repository can't be reached */
export function openStateReader(ledger: Ledger, live: LiveReader = openLiveReader(ledger)): StateReader {
  const { shared, names } = ledger;
  const runCommits = new Map<string, RunCommit | null>();
  const cards = new Map<string, RunnerView | null>();
  const tips = new Map<string, ClaimTip>();

  const runCommit = async (commit: string): Promise<RunCommit | null> => {
    const known = runCommits.get(commit);
    if (known !== undefined) return known;
    const object = await shared.read(commit);
    const parsed = object?.type === 'commit' ? parseCommit(object.content) : null;
    const message = parsed ? parseRunMessage(parsed.message) : null;
    const result =
      parsed && message
        ? { message, submittedAt: isoTime(parsed.committedAt), submittedBy: parsed.author }
        : null;
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

  return {
    async read(only) {
      const areas = (['queue', 'claims', 'jobs', 'stops'] as const).map((area) =>
        only === undefined ? names.area(area) : names.ofRun(area, only),
      );
      const refs = await shared.list([
        only === undefined ? names.area('runs') : names.run(only),
        ...areas,
        names.area('runners'),
      ]);
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
      };
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
