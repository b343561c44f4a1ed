import { lacksAtomic, type RefUpdate } from '../git/push.ts';
import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import type { JobId } from './refs.ts';
import { type Finished, readFinished, settle } from './settle.ts';
import { unreachable } from './shared-repository.ts';
import { isFinal, type RunView } from './state.ts';
import { withoutKeysOfOthers } from './without-image.ts';

/** A run with the commits that its jobs ended with. */
export interface EndedRun {
  readonly name: string;
  readonly commit: string;
  /** Other runs that its jobs have something from. */
  readonly sources: readonly string[];
  readonly outcomes: readonly { readonly id: JobId; readonly commit: string }[];
}

/** Null while a job of it hasn't ended. */
export function asEnded({ name, commit, jobs }: RunView): EndedRun | null {
  const outcomes = jobs.flatMap((job) =>
    isFinal(job.state) && job.commit !== null
      ? [{ id: { run: name, job: job.name }, commit: job.commit }]
      : [],
  );
  const from = jobs.flatMap(({ dependsOn, cachedFrom }) => [cachedFrom, ...dependsOn].map((one) => one?.run));
  const sources = [...new Set(from)].filter((run) => typeof run === 'string' && run !== name) as string[];
  return outcomes.length === jobs.length ? { name, commit, sources, outcomes } : null;
}

/** Which run has the name there, which outcomes are not there, and whether some are there and not at rest. */
async function lookFor(to: Ledger, run: EndedRun) {
  const { names, shared } = to;
  const folders = (['claims', 'jobs'] as const).map((area) => names.ofRun(area, run.name));
  const refs = await shared.list([names.run(run.name), ...folders]);
  const isThere = ({ id }: { id: JobId }) =>
    refs.has(names.job('jobs', id)) || refs.has(names.job('claims', id));
  const absent = new Set(run.outcomes.filter((one) => !isThere(one)).map(({ id }) => id.job));
  const settling = run.outcomes.some(({ id }) => refs.has(names.job('claims', id)));
  return { present: refs.get(names.run(run.name)), absent, settling };
}

/**
 * Creates a run in another ledger with all that came of it. One push, create-only, brings it and, as claims that have
 * ended, its outcomes; from there on it is settled like any other, by whoever comes first, should this process be cut
 * off.
 * @param prepare called if there is anything to send: its blobs must be in the store afterwards
 * @returns `there` if nothing was left to be done, `taken` if another run has the name
 * @throws DstackError if the repository can't be reached or refuses; what `prepare` throws
 */
export async function sendRun(
  from: Ledger,
  to: Ledger,
  run: EndedRun,
  prepare: () => Promise<void>,
): Promise<'sent' | 'there' | 'taken'> {
  const { shared, names } = to;
  const create = (ref: string, commit: string): RefUpdate => ({ ref, from: null, to: commit });
  let found = await lookFor(to, run);
  if (isAnother(found.present, run)) return 'taken';
  if (found.present !== undefined && found.absent.size === 0 && !found.settling) return 'there';
  await prepare();
  await from.shared.obtain([run.commit, ...run.outcomes.map(({ commit }) => commit)]);
  const ended = await Promise.all(run.outcomes.map((outcome) => readOutcome(from, outcome)));
  const finished = await withoutKeysOfOthers(from, ended);
  const wait = backOff(to.clock, 3);
  let atomic = true;
  for (let attempt = 1; ; attempt += 1) {
    const { present, absent } = found;
    if (isAnother(present, run)) return 'taken';
    const outcomes = finished
      .filter(({ id }) => absent.has(id.job))
      .map(({ id, commit }) => create(names.job('claims', id), commit));
    const head = present === undefined ? [create(names.run(run.name), run.commit)] : [];
    if (head.length + outcomes.length === 0) break;
    // Where it can't be all or nothing the run comes first: with it, the name is ours.
    const updates = atomic ? [...head, ...outcomes] : head.length > 0 ? head : outcomes;
    const pushed = await shared.push(updates, { atomic });
    if (pushed.ok) {
      if (atomic || head.length === 0) break;
      attempt -= 1;
    } else if (lacksAtomic(pushed.failure.words)) {
      atomic = false;
      attempt -= 1;
    } else if (await wait(attempt)) throw unreachable(shared.location, pushed.failure);
    found = await lookFor(to, run);
  }
  await settle(to, finished);
  return 'sent';
}

const isAnother = (present: string | undefined, run: EndedRun): boolean =>
  present !== undefined && present !== run.commit;

async function readOutcome(ledger: Ledger, { id, commit }: EndedRun['outcomes'][number]): Promise<Finished> {
  const finished = await readFinished(ledger, id, commit);
  if (finished) return finished;
  throw new Error(`the outcome of ${id.run}/${id.job} can't be read`);
}
