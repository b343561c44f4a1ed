import { parseFile, type RunnerFile, runnerSchema } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { type QueueEntry, readFile } from './live.ts';
import { jobName } from './refs.ts';
import { isFinal, type JobView, type RunnerView, type RunView, type Share } from './state.ts';

/**
 * What a runner works on, what of its machine that takes, and the image that it waits for, from the claims: its card is
 * as of its last heartbeat. Pure.
 * @param queue what was asked for, of those that somebody has
 */
export function withJobs(
  card: RunnerView,
  runs: readonly RunView[],
  queue: ReadonlyMap<string, QueueEntry>,
): RunnerView {
  const mine = runs.flatMap((run) =>
    run.jobs.filter((job) => worksOn(card.name, job) && !isFinal(job.state)),
  );
  const doing = mine.map((job) => {
    const name = jobName({ run: job.run, job: job.name });
    return {
      job: name,
      state: job.state,
      since: job.startedAt ?? job.claimedAt,
      ...shareOf(queue.get(name)),
    };
  });
  const pulling = mine.find((job) => job.state === 'pulling');
  // Both times are by the runner's own clock.
  const begunSince = mine.some((job) => Date.parse(job.claimedAt ?? '') > Date.parse(card.seenAt));
  return {
    ...card,
    // What it waited for before it took something is nobody's concern any more.
    ...(begunSince && { waiting: null }),
    jobs: doing.map(({ job }) => job),
    used: doing.reduce(add, { cpu: 0, memory: 0, gpus: 0 }),
    doing,
    // The claim says it sooner than the card.
    ...(pulling && {
      waiting: `the image of ${pulling.run}/${pulling.name}: ${pulling.reason ?? pulling.image}`,
      ...(pulling.claimedAt !== null && { waitingSince: pulling.claimedAt }),
    }),
  };
}

/** Has it the job's claim, or is it one of its nodes? */
function worksOn(runner: string, job: JobView): boolean {
  return job.runner !== null && (job.runner === runner || (job.nodes?.runners.includes(runner) ?? false));
}

function shareOf(entry: QueueEntry | undefined): Share {
  const { cpu, memory, gpu } = entry?.job.spec.resources ?? { cpu: null, memory: null, gpu: null };
  return { cpu: cpu ?? 0, memory: memory ?? 0, gpus: gpu?.count ?? 0 };
}

function add(a: Share, b: Share): Share {
  return { cpu: a.cpu + b.cpu, memory: a.memory + b.memory, gpus: a.gpus + b.gpus };
}

/** A runner's card, read once; null: it can't be read. */
export async function readCard(
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
