import { parseCommit, parseTrailers } from '../git/object-reader.ts';
import { isObjectId } from '../git/repository.ts';
import {
  type ClaimFile,
  claimSchema,
  type JobFile,
  jobSchema,
  parseFile,
  type RecordFile,
  recordSchema,
  type StopFile,
  stopSchema,
} from './formats.ts';
import { type NodeFile, nodeSchema } from './gangs/formats.ts';
import type { Ledger } from './ledger.ts';
import { type JobId, jobName } from './refs.ts';

/** An unfinished job as it waits in the queue. */
export interface QueueEntry {
  readonly id: JobId;
  /** The queue object; claims and stops name it. */
  readonly commit: string;
  readonly runCommit: string;
  /** Blob id of its `job.json`; it counts only if the run commit lists it. */
  readonly blob: string;
  readonly job: JobFile;
  /** Milliseconds since 1970, by the submitter's clock: any number, also infinity. */
  readonly submittedAt: number;
}

/** A claim's tip: somebody's lease, or the outcome. */
export type ClaimTip =
  | { readonly kind: 'claim'; readonly commit: string; readonly claim: ClaimFile }
  | { readonly kind: 'finished'; readonly commit: string; readonly record: RecordFile };

export interface StopRequest {
  readonly commit: string;
  readonly stop: StopFile;
}

/** What a runner offers to a job for several nodes, or does as one of them. */
export interface NodeTip {
  readonly id: JobId;
  readonly commit: string;
  readonly node: NodeFile;
}

/** What one look at a ledger's live refs showed. Keys are `run/job`. */
export interface Live {
  readonly queue: ReadonlyMap<string, QueueEntry>;
  readonly claims: ReadonlyMap<string, ClaimTip>;
  readonly stops: ReadonlyMap<string, StopRequest>;
  /** Offers and nodes, by `run/job@runner`. */
  readonly nodes: ReadonlyMap<string, NodeTip>;
  /** Finished jobs, of the runs that have something in the queue, or a lease or stop beside no queue entry. */
  readonly finished: ReadonlyMap<string, { commit: string; record: RecordFile }>;
  /** Refs that hold something unreadable, and why: of a newer version, or damaged. */
  readonly problems: ReadonlyMap<string, string>;
  /** Jobs whose claim is among the problems: somebody has them, for nobody knows how long. */
  readonly unreadableClaims: ReadonlySet<string>;
}

/** Reads and remembers objects by id, so that a look costs only what is new. */
export interface LiveReader {
  /** @param alsoOutcomesOf runs whose finished jobs are wanted, too, though nothing of theirs has to wait for them */
  look(alsoOutcomesOf?: ReadonlySet<string>): Promise<Live>;
  queueEntry(id: JobId, commit: string): Promise<QueueEntry>;
  claimTip(commit: string): Promise<ClaimTip>;
  stopRequest(commit: string): Promise<StopRequest>;
}

/** @throws DstackError from `look` if the shared repository can't be reached */
export function openLiveReader(ledger: Ledger): LiveReader {
  let remembered = new Map<string, unknown>();
  let used = new Map<string, unknown>();

  const remember = async <T>(key: string, read: () => Promise<T>): Promise<T> => {
    const value = (used.get(key) ?? remembered.get(key) ?? (await read())) as T;
    used.set(key, value);
    return value;
  };
  const queueEntry = (id: JobId, commit: string) =>
    remember(`queue ${jobName(id)} ${commit}`, () => readQueueEntry(ledger, id, commit));
  const claimTip = (commit: string) => remember(commit, () => readClaimTip(ledger, commit));
  const stopRequest = (commit: string) => remember(commit, () => readStopRequest(ledger, commit));

  const nodeTip = (place: JobId & { runner: string }, commit: string) =>
    remember(`node ${nodeKey(jobName(place), place.runner)} ${commit}`, () =>
      readNodeTip(ledger, place, commit),
    );

  return {
    queueEntry,
    claimTip,
    stopRequest,
    async look(alsoOutcomesOf = new Set()) {
      const { shared, names } = ledger;
      const refs = await shared.list([
        names.area('queue'),
        names.area('claims'),
        names.area('stops'),
        names.area('nodes'),
      ]);
      const live = {
        queue: new Map<string, QueueEntry>(),
        claims: new Map<string, ClaimTip>(),
        stops: new Map<string, StopRequest>(),
        nodes: new Map<string, NodeTip>(),
        finished: new Map<string, { commit: string; record: RecordFile }>(),
        problems: new Map<string, string>(),
        unreadableClaims: new Set<string>(),
      };
      const attempt = async (ref: string, read: () => Promise<void>) => {
        try {
          await read();
        } catch (error) {
          live.problems.set(ref, (error as Error).message);
          const parsed = names.parse(ref);
          if (parsed?.area === 'claims') live.unreadableClaims.add(jobName(parsed));
        }
      };
      for (const [ref, commit] of refs) {
        const parsed = names.parse(ref);
        if (!parsed || !('job' in parsed)) continue;
        const key = jobName(parsed);
        await attempt(ref, async () => {
          if (parsed.area === 'queue') live.queue.set(key, await queueEntry(parsed, commit));
          else if (parsed.area === 'claims') live.claims.set(key, belonging(parsed, await claimTip(commit)));
          else if (parsed.area === 'nodes')
            live.nodes.set(nodeKey(key, parsed.runner), await nodeTip(parsed, commit));
          else if (parsed.area === 'stops') live.stops.set(key, await stopRequest(commit));
        });
      }
      const entries = [...live.queue.values()];
      const left = orphans(live);
      const waiting = new Set([
        ...entries
          .filter((entry) => needsOutcomes(entry) || alsoOutcomesOf.has(entry.id.run))
          .map((entry) => entry.id.run),
        ...left,
      ]);
      if (waiting.size > 0) {
        const outcomes = await shared.list(
          [...waiting].map((run) => names.ofRun('jobs', run)),
          left.length > 0 ? {} : { archived: 'as-listed' },
        );
        for (const [ref, commit] of outcomes) {
          const parsed = names.parse(ref);
          if (parsed?.area !== 'jobs') continue;
          await attempt(ref, async () => {
            const tip = belonging(parsed, await claimTip(commit));
            if (tip.kind === 'finished') live.finished.set(jobName(parsed), { commit, record: tip.record });
          });
        }
      }
      remembered = used;
      used = new Map();
      return live;
    },
  };
}

/** Runs with a lease or a stop request beside no queue entry: what a call that came late has left, if the job has ended. */
function orphans(live: Pick<Live, 'queue' | 'claims' | 'stops'>): string[] {
  const leases = [...live.claims].filter(([, tip]) => tip.kind === 'claim').map(([key]) => key);
  return [...leases, ...live.stops.keys()]
    .filter((key) => !live.queue.has(key))
    .map((key) => key.slice(0, key.indexOf('/')));
}

function needsOutcomes(entry: QueueEntry): boolean {
  return entry.job.spec.dependsOn.some((dependency) => dependency.run === null);
}

/** @throws DstackError `bad-object` if the commit has no such file */
export async function readFile(ledger: Ledger, commit: string, path: string): Promise<Buffer> {
  const blob = await ledger.shared.read(`${commit}:${path}`);
  if (blob?.type !== 'blob') throw new Error(`${commit.slice(0, 12)} has no ${path}`);
  return blob.content;
}

async function readQueueEntry(ledger: Ledger, id: JobId, commit: string): Promise<QueueEntry> {
  const object = await ledger.shared.read(commit);
  const blob = await ledger.shared.read(`${commit}:job.json`);
  if (object?.type !== 'commit' || blob?.type !== 'blob')
    throw new Error(`${commit.slice(0, 12)} is no queue entry`);
  const { message, committedAt } = parseCommit(object.content);
  const trailers = new Map(parseTrailers(message));
  const runCommit = trailers.get('Dstack-Run-Commit') ?? '';
  const job = parseFile(jobSchema, `the job.json of ${jobName(id)}`, blob.content);
  if (!isObjectId(runCommit)) throw new Error(`${commit.slice(0, 12)} names no run commit`);
  if (job.run !== id.run || job.spec.name !== id.job)
    throw new Error(`it is the job ${job.run}/${job.spec.name}`);
  return {
    id: { run: id.run, job: id.job },
    commit,
    runCommit,
    blob: blob.id,
    job,
    submittedAt: committedAt,
  };
}

/**
 * A claim's tip, checked to be one of this job: whoever puts a record under another job's name gives it no outcome.
 * @throws Error if it is another job's
 */
export function belonging(id: JobId, tip: ClaimTip): ClaimTip {
  const said = tip.kind === 'finished' ? tip.record : tip.claim;
  if (jobName(said) === jobName(id)) return tip;
  throw new Error(`it is of the job ${jobName(said)}`);
}

/** @throws DstackError if it is damaged or of a newer version */
export async function readStopRequest(ledger: Ledger, commit: string): Promise<StopRequest> {
  const content = await readFile(ledger, commit, 'stop.json');
  return { commit, stop: parseFile(stopSchema, 'stop.json', content) };
}

/** Tells node refs from claims wherever both stand by their keys. */
export function nodeKey(job: string, runner: string): string {
  return `${job}@${runner}`;
}

async function readNodeTip(
  ledger: Ledger,
  { run, job, runner }: JobId & { runner: string },
  commit: string,
): Promise<NodeTip> {
  const node = parseFile(nodeSchema, 'node.json', await readFile(ledger, commit, 'node.json'));
  if (jobName(node) !== jobName({ run, job }) || node.runner !== runner)
    throw new Error(`it is of ${node.runner} for the job ${jobName(node)}`);
  return { id: { run, job }, commit, node };
}

/** Reads what a claim ref, or a ref of a finished job, points at. */
export async function readClaimTip(ledger: Ledger, commit: string): Promise<ClaimTip> {
  const record = await ledger.shared.read(`${commit}:record.json`);
  if (record?.type === 'blob') {
    return { kind: 'finished', commit, record: parseFile(recordSchema, 'record.json', record.content) };
  }
  return {
    kind: 'claim',
    commit,
    claim: parseFile(claimSchema, 'claim.json', await readFile(ledger, commit, 'claim.json')),
  };
}
