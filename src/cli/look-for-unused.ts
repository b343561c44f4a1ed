import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { chooseJobs } from '../ledger/prune/choose-jobs.ts';
import { bring } from '../ledger/prune/needs.ts';
import { readWhole, type WholeLedger } from '../ledger/prune/whole-ledger.ts';
import { jobName } from '../ledger/refs.ts';
import type { Store } from '../store/store.ts';
import { namesInOne, ownerOf, readUsers, type StoreUser } from '../store/store-users.ts';
import { plainText } from '../terminal-text.ts';
import { blobsOfJob } from './blobs-of-job.ts';

/** What is looked at, and up to when. */
export interface PruneScope {
  /** The ledger whose old runs give up what they have left. */
  readonly own: Ledger;
  /** Others that use the same store: all that their runs have left stays. */
  readonly others: readonly Ledger[];
  readonly store: Store;
  /** By the store's clock, or ours if that is behind. */
  readonly now: number;
  /** Runs that ended before this give up what they have left; milliseconds since 1970. */
  readonly before: number;
}

/** A job that gives up what it has left. */
export interface PrunedJob {
  readonly name: string;
  readonly commit: string;
}

export interface UnusedLook {
  readonly whole: WholeLedger;
  /** What jobs give up that have something in the store, by run. */
  readonly prune: ReadonlyMap<string, readonly PrunedJob[]>;
  /** The blobs that these had, whether others need them or not. */
  readonly given: ReadonlySet<string>;
}

/** Which blobs are needed, growing with each look: what once was needed stays so for as long as this lasts. */
export interface Mark {
  readonly kept: ReadonlySet<string>;
  /** Reads what the ledgers say now. @throws DstackError `unreadable`, `store-shared`, and if a ledger can't be reached */
  look(): Promise<UnusedLook>;
}

export function openMark(scope: PruneScope): Mark {
  const kept = new Set<string>();
  const marked = new Set<string>();
  const keep = async (ledger: Ledger, commits: readonly string[]) => {
    const fresh = commits.filter((commit) => !marked.has(commit));
    await bring(ledger, fresh);
    for (const commit of fresh) {
      for (const { sha256 } of await blobsOfJob(ledger, commit)) kept.add(sha256);
      marked.add(commit);
    }
  };
  return {
    kept,
    async look() {
      // Before the ledgers: what a user names has been in his before.
      const users = await readUsers(scope.store);
      const whole = await readWhole(scope.own);
      const choice = chooseJobs(whole, scope.before);
      const wholes = [whole];
      await keep(scope.own, choice.kept);
      for (const other of scope.others) {
        const all = await readWhole(other);
        wholes.push(all);
        await keep(other, chooseJobs(all, Number.NEGATIVE_INFINITY).kept);
      }
      requireKnown(scope.store, users, wholes);
      return { whole, ...(await withSomething(scope.own, choice.prune)) };
    },
  };
}

/** Of those that give something up, the jobs that have something in the store. */
async function withSomething(
  ledger: Ledger,
  chosen: ReadonlyMap<string, readonly PrunedJob[]>,
): Promise<Pick<UnusedLook, 'prune' | 'given'>> {
  const prune = new Map<string, PrunedJob[]>();
  const given = new Set<string>();
  await bring(
    ledger,
    [...chosen.values()].flat().map(({ commit }) => commit),
  );
  for (const [run, jobs] of chosen) {
    const having: PrunedJob[] = [];
    for (const job of jobs) {
      const blobs = await blobsOfJob(ledger, job.commit);
      for (const { sha256 } of blobs) given.add(sha256);
      if (blobs.length > 0) having.push(job);
    }
    if (having.length > 0) prune.set(run, having);
  }
  return { prune, given };
}

/**
 * The users of a store of whom a run is in none of these ledgers: they use another one, or a later state of one.
 * @returns of each one such run, and the names of the notes on such runs, in one
 */
export function unknownUsers(
  users: ReadonlyMap<string, StoreUser>,
  wholes: readonly WholeLedger[],
): [notes: string, user: StoreUser][] {
  const unknown = new Map<string, { notes: string[]; user: StoreUser }>();
  for (const [note, user] of users) {
    if (wholes.some(({ runs }) => runs.get(user.run)?.commit === user.commit)) continue;
    const owner = ownerOf(note);
    unknown.set(owner, { notes: [...(unknown.get(owner)?.notes ?? []), note], user });
  }
  return [...unknown.values()].map(({ notes, user }) => [namesInOne(notes), user]);
}

function requireKnown(
  store: Store,
  users: ReadonlyMap<string, StoreUser>,
  wholes: readonly WholeLedger[],
): void {
  const [first, ...others] = unknownUsers(users, wholes);
  if (!first) return;
  const [notes, { repository, by, run }] = first;
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  throw new DstackError(
    'store-shared',
    `the store ${plainText(store.location)} also has what ${plainText(by)} has put there for the run ${plainText(run)} of ${plainText(repository)}${more}: that run is not here`,
    {
      hint: `name that repository, too: --with URL; if it is gone for good, remove notes/${notes} from the store`,
    },
  );
}

/**
 * Results in the cache that have been given up and lack something now: their refs, what these point at, and the outcome
 * of a job that has the same result and keeps its files, if there is one.
 */
export async function uselessResults(
  ledger: Ledger,
  { whole, prune }: UnusedLook,
  kept: ReadonlySet<string>,
): Promise<{ ref: string; from: string; to: string | null }[]> {
  const given = new Set(
    [...prune].flatMap(([run, jobs]) => jobs.map(({ name }) => jobName({ run, job: name }))),
  );
  for (const [run, jobs] of whole.pruned) for (const job of jobs.keys()) given.add(jobName({ run, job }));
  const owners = new Map<string, string>();
  const others = new Map<string, string>();
  for (const run of whole.runs.values()) {
    for (const { name, commit, cacheKey } of run.jobs) {
      if (commit === null) continue;
      const id = jobName({ run: run.name, job: name });
      owners.set(commit, id);
      if (cacheKey !== null && !given.has(id)) others.set(ledger.names.cache(cacheKey), commit);
    }
  }
  const useless: { ref: string; from: string; to: string | null }[] = [];
  for (const [ref, commit] of whole.cache) {
    if (!given.has(owners.get(commit) ?? '')) continue;
    if ((await blobsOfJob(ledger, commit)).some(({ sha256 }) => !kept.has(sha256)))
      useless.push({ ref, from: commit, to: others.get(ref) ?? null });
  }
  return useless;
}
