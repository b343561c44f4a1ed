import { parseFile, type RunnerFile, runnerSchema } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { readFile } from './live.ts';
import { jobName } from './refs.ts';
import { isFinal, type JobView, type RunnerView, type RunView } from './state.ts';

/** What a runner works on, and the image that it waits for, from the claims: its card is as of its last heartbeat. */
export function withJobs(card: RunnerView, runs: readonly RunView[]): RunnerView {
  const mine = runs.flatMap((run) =>
    run.jobs.filter((job) => worksOn(card.name, job) && !isFinal(job.state)),
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

/** Has it the job's claim, or is it one of its nodes? */
function worksOn(runner: string, job: JobView): boolean {
  return job.runner !== null && (job.runner === runner || (job.nodes?.runners.includes(runner) ?? false));
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
