import { rm } from 'node:fs/promises';
import { DstackError } from '../errors.ts';
import { checkOut } from '../git/checkout.ts';
import { fetchRefs } from '../git/fetch.ts';
import { parseCommit } from '../git/object-reader.ts';
import { listRefs, setRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { gitFailed, runGit } from '../git/run-git.ts';
import { isSound, speaksOfDamage, startAnew } from '../git/soundness.ts';
import { fileFilter } from '../language/file-filter.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { QueueEntry } from '../ledger/live.ts';
import { parseRunMessage } from '../ledger/run-message.ts';
import { unreachable } from '../ledger/shared-repository.ts';
import type { Workplace } from './workplace.ts';

/** Snapshots that stay in the runner's object cache, so that the next one transfers only what changed. */
const keptSnapshots = 20;

const area = 'refs/snapshots';

/** What of a workplace the cache has to do with. */
type CachePlace = Pick<Workplace, 'ledger' | 'cache' | 'claimant' | 'log'>;

/**
 * Fetches a run's snapshot into the runner's object cache, without the history behind it.
 * A cache that turns out to be damaged is begun anew.
 * @throws DstackError `run-missing` if there is no such run (yet), or another of its name, `untrusted-job` if the run commit doesn't list this
 *   job, `unreachable` and the like if it can't be fetched
 */
export async function fetchSnapshot(work: CachePlace, entry: QueueEntry): Promise<void> {
  const { ledger, cache, claimant } = work;
  try {
    await fetchInto(ledger, cache, entry, claimant.runner);
  } catch (error) {
    if (!(await beginAnewIfDamaged(work, error))) throw error;
    await fetchInto(ledger, cache, entry, claimant.runner);
  }
}

/** @returns whether the cache was damaged, and is an empty one now */
async function beginAnewIfDamaged({ cache, log }: CachePlace, error: unknown): Promise<boolean> {
  if (!(error instanceof DstackError) || !speaksOfDamage(error.message)) return false;
  if (await isSound(cache)) return false;
  log.warn(
    { repository: cache.gitDir, error: error.message },
    'the object cache was damaged and is begun anew: snapshots are fetched again',
  );
  await startAnew(cache);
  return true;
}

async function fetchInto(
  ledger: Ledger,
  cache: Repository,
  entry: QueueEntry,
  instance: string,
): Promise<void> {
  const ref = `${area}/${instance}/${Date.now()}-${entry.id.run}-${entry.id.job}`;
  if (!(await holds(cache, entry.runCommit))) {
    const source = ledger.names.run(entry.id.run);
    const failure = await fetchRefs(cache, ledger.shared.remote, [`+${source}:${ref}`], { depth: 1 });
    if (failure && /couldn't find remote ref/.test(failure.words)) throw runMissing(ledger, entry);
    if (failure) throw unreachable(ledger.shared.location, failure);
  } else {
    await setRefs(cache.gitDir, new Map([[ref, entry.runCommit]]));
  }
  // Of two that drew the same name at once, an entry of the other one's can have been left.
  if ((await listRefs(cache.gitDir, [ref])).get(ref) !== entry.runCommit) throw runMissing(ledger, entry);
  await verifyJob(cache, entry, ref);
  const refs = [...(await listRefs(cache.gitDir, [`${area}/${instance}`])).keys()].sort();
  await setRefs(cache.gitDir, new Map(refs.slice(0, -keptSnapshots).map((old) => [old, null])));
}

/** Where a push isn't atomic, a run's jobs are there before it; they do not exist yet. */
function runMissing(ledger: Ledger, entry: QueueEntry): DstackError {
  const { run } = entry.id;
  return new DstackError('run-missing', `there is no run ${run} in ${ledger.shared.location}`);
}

/** A whole snapshot is here if a ref of ours says so: a fetch moves its ref only once everything has arrived. */
async function holds(cache: Repository, commit: string): Promise<boolean> {
  return [...(await listRefs(cache.gitDir, [area])).values()].includes(commit);
}

/** A job is what the run commit says it is: whoever can write the queue alone can't have anything executed. */
async function verifyJob(cache: Repository, entry: QueueEntry, ref: string): Promise<void> {
  const commit = await runGit(['cat-file', 'commit', ref], { gitDir: cache.gitDir });
  if (commit.exitCode !== 0) throw gitFailed(['cat-file'], commit);
  const message = parseRunMessage(parseCommit(commit.stdout).message);
  const listed = message?.run === entry.id.run && message.jobs.get(entry.id.job) === entry.blob;
  if (!listed) {
    throw new DstackError('untrusted-job', `the run commit of ${entry.id.run} does not list this job.json`, {
      hint: 'the queue entry was not made by `dstack run`; it is not executed',
    });
  }
}

/**
 * Writes the job's files into an empty folder: the snapshot, or the part of it that the job depends on. If they turn out
 * to be damaged, the snapshot is fetched again first.
 */
export async function checkOutSnapshot(
  work: CachePlace & Pick<Workplace, 'oneAtATime'>,
  entry: QueueEntry,
  into: string,
): Promise<void> {
  const { files } = entry.job.spec;
  const paths = files ? fileFilter(files) : undefined;
  const write = () => checkOut(work.cache, { tree: entry.runCommit, into, paths });
  try {
    await write();
  } catch (error) {
    if (!(error instanceof DstackError) || !speaksOfDamage(error.message)) throw error;
    await rm(into, { recursive: true, force: true });
    await work.oneAtATime(async () => {
      await beginAnewIfDamaged(work, error);
      await fetchSnapshot(work, entry);
    });
    await write();
  }
}
