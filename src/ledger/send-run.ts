import type { RefUpdate } from '../git/push.ts';
import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import { readClaimTip } from './live.ts';
import type { JobId } from './refs.ts';
import { type Finished, settle } from './settle.ts';
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

/** `there`: nothing is left to be done. `taken`: another run has the name. `missing`: all of it, or what was cut off. */
export async function isSent(to: Ledger, run: EndedRun): Promise<'there' | 'taken' | 'missing'> {
  const { present, absent, settling } = await lookFor(to, run);
  if (present !== undefined && present !== run.commit) return 'taken';
  return present !== undefined && absent.size === 0 && !settling ? 'there' : 'missing';
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
 * off. Its blobs must be in the store by then.
 * @returns `taken` if another run has the name
 * @throws DstackError if the repository can't be reached or refuses
 */
export async function sendRun(from: Ledger, to: Ledger, run: EndedRun): Promise<'sent' | 'taken'> {
  const { shared, names } = to;
  await from.shared.obtain([run.commit, ...run.outcomes.map(({ commit }) => commit)]);
  const ended = await Promise.all(run.outcomes.map((outcome) => readOutcome(from, outcome)));
  const finished = await withoutKeysOfOthers(from, ended);
  const wait = backOff(to.clock, 3);
  let atomic = true;
  for (let attempt = 1; ; attempt += 1) {
    const { present, absent } = await lookFor(to, run);
    if (present !== undefined && present !== run.commit) return 'taken';
    const create = (ref: string, commit: string): RefUpdate => ({ ref, from: null, to: commit });
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
    } else if (/does not support --atomic/.test(pushed.failure.words)) {
      atomic = false;
      attempt -= 1;
    } else if (await wait(attempt)) throw unreachable(shared.location, pushed.failure);
  }
  await settle(to, finished);
  return 'sent';
}

async function readOutcome(ledger: Ledger, { id, commit }: EndedRun['outcomes'][number]): Promise<Finished> {
  const tip = await readClaimTip(ledger, commit);
  if (tip.kind !== 'finished') throw new Error(`the outcome of ${id.run}/${id.job} can't be read`);
  return { id, commit, record: tip.record };
}
