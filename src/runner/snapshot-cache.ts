import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { DstackError } from '../errors.ts';
import { checkOut } from '../git/checkout.ts';
import { fetchRefs } from '../git/fetch.ts';
import { parseCommit } from '../git/object-reader.ts';
import { withObjectsOf } from '../git/objects-elsewhere.ts';
import { listRefs, setRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { gitFailed, runGit } from '../git/run-git.ts';
import { isSound, speaksOfDamage, startAnew } from '../git/soundness.ts';
import { fileFilter } from '../language/file-filter.ts';
import type { Claimant } from '../ledger/claims.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { parseRunMessage, type RunMessage } from '../ledger/run-message.ts';
import { unreachable } from '../ledger/shared-repository.ts';
import { keepIndexes } from './kept-indexes.ts';
import { keepSmallTrees } from './small-trees.ts';

/** Snapshots that stay in the runner's object cache, so that the next one transfers only what changed. */
const keptSnapshots = 20;

const area = 'refs/snapshots';

/** What of a workplace the cache has to do with. */
interface CachePlace {
  readonly ledger: Ledger;
  readonly cache: Repository;
  readonly claimant: Pick<Claimant, 'runner'>;
  readonly log: Pick<Logger, 'warn'>;
  readonly folder: string;
  oneAtATime<T>(act: () => Promise<T>): Promise<T>;
}

/** The snapshots of runs, without the history behind them: in a runner's object cache, or in a folder that is the shared repository. */
export interface Snapshots {
  /**
   * Fetches a job's snapshot, if it isn't on this machine. A cache that turns out to be damaged is begun anew.
   * @throws DstackError `run-missing` if there is no such run (yet), or another of its name, `untrusted-job` if the run
   *   commit doesn't list this job, `unreachable` and the like if it can't be fetched
   */
  fetch(entry: QueueEntry): Promise<void>;
  /**
   * Writes the job's files into an empty folder: the snapshot, or the part of it that the job depends on. If they turn
   * out to be damaged, the snapshot is fetched again first.
   */
  checkOut(entry: QueueEntry, into: string): Promise<void>;
  /** Removes what lies beside the work folders of jobs. */
  close(): Promise<void>;
}

/**
 * A snapshot that is here as a whole: a ref of ours says so, for a fetch moves it only once everything has arrived. Or it
 * is read where it is, in a shared repository on this machine.
 */
interface Known {
  /** Null: it has not been fetched. */
  readonly ref: string | null;
  readonly tree: string;
  /** What its run commit says. */
  readonly message: RunMessage | null;
}

export function openSnapshots({ ledger, cache, claimant, log, folder, oneAtATime }: CachePlace): Snapshots {
  const own = `${area}/${claimant.runner}`;
  /** By run commit, the one that was used last at the end: the jobs of a run share it. */
  const known = new Map<string, Known>();
  const indexes = keepIndexes(cache, folder);
  const smallTrees = keepSmallTrees();

  /** @returns whether the cache was damaged, and is an empty one now */
  const beginAnewIfDamaged = async (error: unknown): Promise<boolean> => {
    if (!(error instanceof DstackError) || !speaksOfDamage(error.message)) return false;
    known.clear();
    if (await isSound(cache)) return false;
    log.warn(
      { repository: cache.gitDir, error: error.message },
      'the object cache was damaged and is begun anew: snapshots are fetched again',
    );
    await startAnew(cache);
    return true;
  };

  const obtain = async ({ id, runCommit }: QueueEntry): Promise<Known> => {
    const missing = () =>
      new DstackError('run-missing', `there is no run ${id.run} in ${ledger.shared.location}`, {
        hint: 'it was removed from there while the job waited: submit it again',
      });
    const ref = `${own}/${Date.now()}-${id.run}-${id.job}`;
    if ([...(await listRefs(cache.gitDir, [area])).values()].includes(runCommit)) {
      await setRefs(cache.gitDir, new Map([[ref, runCommit]]));
    } else {
      const source = ledger.names.run(id.run);
      const failure = await fetchRefs(cache, ledger.shared.remote, [`+${source}:${ref}`], { depth: 1 });
      // Where a push isn't atomic, a run's jobs are there before it; they do not exist yet.
      if (failure && /couldn't find remote ref/.test(failure.words)) throw missing();
      if (failure) throw unreachable(ledger.shared.location, failure);
    }
    // Of two that drew the same name at once, an entry of the other one's can have been left.
    if ((await listRefs(cache.gitDir, [ref])).get(ref) !== runCommit) throw missing();
    const commit = await runGit(['cat-file', 'commit', ref], { gitDir: cache.gitDir });
    if (commit.exitCode !== 0) throw gitFailed(['cat-file'], commit);
    return { ref, ...readSnapshot(commit.stdout) };
  };
  /** On this machine nothing has to be fetched. Null: it does, or whoever fetches it says what is wrong. */
  const seen = async ({ id, runCommit }: QueueEntry): Promise<Known | null> => {
    const { shared, names } = ledger;
    if (shared.path === null) return null;
    const ref = names.run(id.run);
    if ((await shared.list([ref], { archived: false })).get(ref) !== runCommit) return null;
    const object = await shared.read(runCommit).catch(() => null);
    return object?.type === 'commit' ? { ref: null, ...readSnapshot(object.content) } : null;
  };
  /** Those that were used last stay, and as many others as there is room for. */
  const removeOld = async (): Promise<void> => {
    for (const [commit] of [...known].slice(0, -keptSnapshots)) known.delete(commit);
    const used = new Set([...known.values()].flatMap(({ ref }) => ref ?? []));
    const others = [...(await listRefs(cache.gitDir, [own])).keys()].filter((ref) => !used.has(ref)).sort();
    const old = others.slice(0, Math.max(0, others.length + used.size - keptSnapshots));
    await setRefs(cache.gitDir, new Map(old.map((ref) => [ref, null])));
  };
  const fetchAnew = async (entry: QueueEntry): Promise<void> => {
    const found = await obtain(entry).catch(async (error: unknown) => {
      if (!(await beginAnewIfDamaged(error))) throw error;
      return obtain(entry);
    });
    verifyJob(found.message, entry);
    known.set(entry.runCommit, found);
    await removeOld();
  };
  const fetch = (entry: QueueEntry): Promise<void> =>
    oneAtATime(async () => {
      const here = known.get(entry.runCommit) ?? (await seen(entry));
      if (!here) return fetchAnew(entry);
      verifyJob(here.message, entry);
      known.delete(entry.runCommit);
      known.set(entry.runCommit, here);
      for (const [commit] of [...known].slice(0, -keptSnapshots)) known.delete(commit);
    });
  const { path } = ledger.shared;
  const readThere = path === null ? null : withObjectsOf(join(path, 'objects'));

  return {
    close: () => indexes.clear(),
    fetch,
    async checkOut(entry, into) {
      const { files } = entry.job.spec;
      const paths = files ? fileFilter(files) : undefined;
      const here = known.get(entry.runCommit);
      const tree = here?.tree ?? entry.runCommit;
      const key = JSON.stringify([tree, files]);
      if (smallTrees.write(key, into)) return;
      if (readThere && !here?.ref) {
        if (await indexes.checkOut({ tree, into, paths, env: readThere })) return smallTrees.keep(key, into);
        // The repository is away, perhaps, or damaged: who fetches from it can tell.
        await oneAtATime(() => fetchAnew(entry));
      }
      const write = () => checkOut(cache, { tree, into, paths });
      try {
        if (!(await indexes.checkOut({ tree, into, paths }))) await write();
      } catch (error) {
        if (!(error instanceof DstackError) || !speaksOfDamage(error.message)) throw error;
        await rm(into, { recursive: true, force: true });
        await oneAtATime(() => beginAnewIfDamaged(error));
        await oneAtATime(() => fetchAnew(entry));
        await write();
      }
      smallTrees.keep(key, into);
    },
  };
}

function readSnapshot(commit: Buffer): Pick<Known, 'tree' | 'message'> {
  const { tree, message } = parseCommit(commit);
  return { tree, message: parseRunMessage(message) };
}

/** A job is what the run commit says it is: whoever can write the queue alone can't have anything executed. */
function verifyJob(message: RunMessage | null, { id, blob }: QueueEntry): void {
  if (message?.run === id.run && message.jobs.get(id.job) === blob) return;
  throw new DstackError('untrusted-job', `the run commit of ${id.run} does not list this job.json`, {
    hint: 'the queue entry was not made by `dstack run`; it is not executed',
  });
}
