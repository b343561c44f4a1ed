import { parseCommit } from '../../git/object-reader.ts';
import type { ArchivedRun } from '../archive/archived-run.ts';
import { openArchive } from '../archive/read-archive.ts';
import type { Ledger } from '../ledger.ts';
import { belonging, type ClaimTip, openLiveReader, readClaimTip } from '../live.ts';
import { type JobId, jobName } from '../refs.ts';
import { parseRunMessage } from '../run-message.ts';
import { isSuccess } from '../state.ts';
import { mustRead, orStop, unreadable } from './must-read.ts';
import { type PrunedJobs, readPruned } from './pruned-jobs.ts';

/** A job and what it has to do with others. */
export interface WholeJob {
  readonly name: string;
  /** The commit that it ended with; null: it has not ended. */
  readonly commit: string | null;
  /** By its runner's clock. */
  readonly finishedAt: string | null;
  readonly dependsOn: readonly { readonly run: string | null; readonly job: string }[];
  readonly cachedFrom: JobId | null;
  /** The key of its result, if that may be used again. */
  readonly cacheKey: string | null;
}

export interface WholeRun {
  readonly name: string;
  readonly commit: string;
  /** By the clock of who submitted it; milliseconds since 1970. */
  readonly submittedAt: number;
  readonly jobs: readonly WholeJob[];
  /** All of it has ended and been settled. */
  readonly isAtRest: boolean;
}

/** All that is in a ledger, archived or not, for who decides what nobody needs. */
export interface WholeLedger {
  readonly runs: ReadonlyMap<string, WholeRun>;
  /** Commits that may need something of the store, and are no outcome of one of the runs: leases. */
  readonly others: readonly string[];
  /** Names of runs. */
  readonly tagged: ReadonlySet<string>;
  readonly pruned: PrunedJobs;
  /** Refs of results, that are not archived, and their commits. */
  readonly cache: ReadonlyMap<string, string>;
}

/**
 * Reads all of a ledger. What moves from one place to the next meanwhile is found in one of them at least: they are read
 * in the order in which things pass them.
 * @throws DstackError `unreadable` if any of it can't be read; if the shared repository can't be reached
 */
export async function readWhole(ledger: Ledger): Promise<WholeLedger> {
  const { shared, names } = ledger;
  const first = await shared.list([names.area('queue'), names.area('claims'), names.area('stops')]);
  const areas = ['runs', 'jobs', 'tags', 'cache'] as const;
  const then = await shared.list(areas.map(names.area));
  const archived = await readArchive(ledger);
  const pruned = await readPruned(ledger);

  const busy = new Set<string>();
  const outcomes = new Map<string, string>();
  const leases: string[] = [];
  const waiting = new Map<string, WholeJob['dependsOn']>();
  const { queueEntry } = openLiveReader(ledger);
  for (const [ref, commit] of first) {
    const parsed = names.parse(ref);
    if (!parsed || !('job' in parsed)) continue;
    busy.add(parsed.run);
    if (parsed.area === 'queue') {
      const { job } = await orStop(ledger, ref, () => queueEntry(parsed, commit));
      waiting.set(jobName(parsed), job.spec.dependsOn);
    }
    if (parsed.area !== 'claims') continue;
    const tip = await tipOf(ledger, parsed, ref, commit);
    if (tip.kind === 'finished') outcomes.set(jobName(parsed), commit);
    else leases.push(commit);
  }
  for (const [ref, commit] of then) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'jobs') outcomes.set(jobName(parsed), commit);
  }

  const runs = new Map<string, WholeRun>();
  /** Of several runs of one name the last counts; what the others need stays all the same. */
  const namesakes: WholeRun[] = [];
  const put = (run: WholeRun) => {
    const before = runs.get(run.name);
    if (before && before.commit !== run.commit) namesakes.push(before);
    runs.set(run.name, run);
  };
  for (const { run, cache: results } of archived) {
    const keys = new Map(Object.entries(results).map(([key, job]) => [job, key]));
    const jobs = run.jobs.map((job) => ({ ...job, cacheKey: keys.get(job.name) ?? null }));
    put({ ...run, submittedAt: Date.parse(run.submittedAt), jobs, isAtRest: !busy.has(run.name) });
  }
  const tagged = new Set<string>();
  const cache = new Map<string, string>();
  for (const [ref, commit] of then) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'cache') cache.set(ref, commit);
    if (parsed?.area === 'tags') tagged.add((await messageOf(ledger, commit)).run);
    if (parsed?.area !== 'runs' || runs.get(parsed.run)?.commit === commit) continue;
    const { jobs: listed, submittedAt } = await messageOf(ledger, commit);
    const jobs: WholeJob[] = [];
    for (const name of listed.keys()) {
      const id = { run: parsed.run, job: name };
      const outcome = outcomes.get(jobName(id));
      const job = outcome === undefined ? null : await finished(ledger, id, outcome);
      jobs.push(job ?? { ...unfinished, name, dependsOn: waiting.get(jobName(id)) ?? [] });
    }
    const isAtRest = !busy.has(parsed.run) && jobs.length > 0 && jobs.every((job) => job.commit !== null);
    put({ name: parsed.run, commit, submittedAt, jobs, isAtRest });
  }
  const commitsOf = (of: Iterable<WholeRun>) =>
    [...of].flatMap(({ jobs }) => jobs.flatMap(({ commit }) => commit ?? []));
  // Outcomes of runs that are not there as yet, or of other runs of that name: nobody knows what they are for.
  const ofRuns = new Set(commitsOf(runs.values()));
  const strange = [...outcomes.values(), ...commitsOf(namesakes)].filter((commit) => !ofRuns.has(commit));
  return { runs, others: [...leases, ...strange], tagged, pruned, cache };
}

/**
 * Who may be putting something into the store now: everybody who has a lease. Who has none must get one first.
 * @throws DstackError `unreadable` if it can't be told of one
 */
export async function readUploads(ledger: Ledger): Promise<Set<string>> {
  const { shared, names } = ledger;
  const uploads = new Set<string>();
  // A ref that is being packed can be overlooked once.
  for (let look = 0; look < 2; look += 1) {
    for (const [ref, commit] of await shared.list([names.area('claims')])) {
      const parsed = names.parse(ref);
      if (parsed?.area !== 'claims') continue;
      // What had gone before it could be read has ended, or is read the second time.
      const tip =
        look === 0
          ? await readClaimTip(ledger, commit).catch(() => null)
          : await tipOf(ledger, parsed, ref, commit);
      if (tip?.kind === 'claim') uploads.add(`${jobName(parsed)} ${tip.claim.attempt} ${tip.claim.instance}`);
    }
  }
  return uploads;
}

async function tipOf(ledger: Ledger, id: JobId, ref: string, commit: string): Promise<ClaimTip> {
  return orStop(ledger, ref, async () => belonging(id, await readClaimTip(ledger, commit)));
}

async function messageOf(ledger: Ledger, commit: string) {
  const object = await mustRead(ledger, commit, 'commit');
  const { message: text, committedAt } = parseCommit(object.content);
  const message = parseRunMessage(text);
  if (message) return { ...message, submittedAt: committedAt };
  throw unreadable(ledger.shared.location, commit, 'it is no run, or one of a newer dstack');
}

const unfinished = { commit: null, finishedAt: null, cachedFrom: null, cacheKey: null };

async function finished(ledger: Ledger, id: JobId, commit: string): Promise<WholeJob | null> {
  const tip = await tipOf(ledger, id, jobName(id), commit);
  if (tip.kind === 'claim') return null;
  const { state, finishedAt, dependsOn, cachedFrom } = tip.record;
  const cacheKey = isSuccess(state) ? tip.record.cacheKey : null;
  return { name: id.job, commit, finishedAt, dependsOn, cachedFrom, cacheKey };
}

/** Every archived run. What an index says that it has, it must have. */
async function readArchive(ledger: Ledger): Promise<ArchivedRun[]> {
  const { shared, names } = ledger;
  const archive = openArchive(shared, names);
  const all: ArchivedRun[] = [];
  for (const [shard, tip] of await archive.tips()) {
    const ref = names.archive('index', shard);
    const said = await archive.shard(tip);
    const foldings = (await archive.foldings(new Map([[shard, tip]]), null)) ?? [];
    const runs = (await Promise.all(foldings.map((commit) => archive.folded(commit)))).flat();
    if (said === null || runs.length !== said.runs)
      throw unreadable(shared.location, ref, `it has ${runs.length} of ${said?.runs ?? 'its'} runs`);
    all.push(...runs);
  }
  return all;
}
