import type { CommitInput } from '../git/write-commits.ts';
import { backOff } from './back-off.ts';
import { openOutbox } from './chunk-outbox.ts';
import { claimFile, claimMessage, recordMessage, streamTrees, trailers, treeOf } from './claim-commits.ts';
import { timeOf } from './clock.ts';
import { compareAndSwap, type SwapResult } from './compare-and-swap.ts';
import { type ClaimFile, formatVersion, printFile, type RecordFile } from './formats.ts';
import { inOrder } from './in-order.ts';
import { type Ledger, signature } from './ledger.ts';
import type { QueueEntry } from './live.ts';
import type { NewChunk } from './log-chunks.ts';
import { lookAgain } from './look-again.ts';
import { givenBack } from './reasons.ts';
import { type JobId, jobName } from './refs.ts';
import { pauseAfter } from './retries.ts';
import type { Finished } from './settle.ts';

/** Who claims: what a claim says of its runner. */
export interface Claimant {
  readonly runner: string;
  readonly host: string;
  readonly instance: string;
  /** Seconds. */
  readonly lease: number;
}

export interface ClaimChange {
  state?: Exclude<ClaimFile['state'], 'waiting'>;
  detail?: string | null;
  startedAt?: string;
  /** More of the log. */
  chunks?: readonly NewChunk[];
  /** More of what the job measures. */
  metrics?: readonly NewChunk[];
}

/** A won claim. Its calls are carried out one after the other, in order. */
export interface ClaimHolder {
  readonly id: JobId;
  readonly entry: QueueEntry;
  claim(): ClaimFile;
  /** The commit that the ref points at, as far as is known. */
  tip(): string;
  /** `Clock.monotonic` at the start of the last swap that was acknowledged: the lease counts from there. */
  acknowledgedAt(): number;
  /**
   * Renews, and says what is new. Tried once, then the truth is read; `unknown` if the repository can't be reached
   * (the change is kept and goes with the next renewal).
   */
  renew(change?: ClaimChange): Promise<SwapResult | 'unknown'>;
  /**
   * The one commit point of the job. Tries until `giveUp` says so. Changes that are still waiting to be sent go with it.
   * @param record made from the claim as it is then
   * @param artifacts the text of `artifacts.json`, if there is one
   * @param logTail the end of a log of which Git holds only the beginning
   */
  finish(
    record: (claim: ClaimFile) => RecordFile,
    files: { artifacts: string | null; logTail: Uint8Array | null },
    giveUp?: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<{ result: 'lost' | 'unknown' } | ({ result: 'won' } & Finished)>;
  /**
   * Ends this attempt, and lets the job wait for the next one, which any runner may make after a short while.
   * Nothing of it may be computing any more. Tries like `finish`, and takes along what that would.
   * @param reason how the attempt ended, for people
   * @param kept what it has saved, in place of what earlier ones had; null: nothing new
   */
  handBack(
    reason: string,
    kept: { manifest: string; said: ClaimFile['artifacts'] } | null,
    giveUp?: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'>;
  /** Gives the job back as if this attempt had not been begun: to the queue, or to wait if there were others before. */
  withdraw(): Promise<void>;
}

/** A swap that hangs is given up in time for another try before the lease runs out. No host is judged by less. */
function limitOf(lease: number): number {
  return Math.max(5_000, (lease * 1000) / 3);
}

export type AcquireResult = { result: 'won'; holder: ClaimHolder } | { result: 'lost' | 'unknown' };

/**
 * Claims a job: exactly one of all who try wins. `over`: the tip of a claim that waits, or whose lease has run out.
 * After winning, the job's refs are read again before anything is executed, for the job may have ended in between,
 * or somebody may have asked for its end (no matter to one who comes to end it: `toEnd`).
 */
export async function acquireClaim(
  ledger: Ledger,
  entry: QueueEntry,
  claimant: Claimant,
  over: { commit: string; claim: ClaimFile } | null,
  toEnd = false,
): Promise<AcquireResult> {
  const { shared, names } = ledger;
  const ref = names.job('claims', entry.id);
  const mine = new Set<string>();
  const limit = limitOf(claimant.lease);
  if (over) await shared.obtain([over.commit], { toBuildOn: true });
  let claim: ClaimFile = {
    format: formatVersion,
    run: entry.id.run,
    job: entry.id.job,
    ...claimant,
    nonce: ledger.clock.id(),
    attempt: (over?.claim.attempt ?? 0) + 1,
    lost: over ? over.claim.lost + (over.claim.state === 'waiting' ? 0 : 1) : 0,
    queue: entry.commit,
    state: 'claimed',
    detail: null,
    claimedAt: timeOf(ledger.clock),
    startedAt: null,
    artifacts: over?.claim.artifacts ?? null,
  };
  const outbox = await openOutbox(shared, over?.commit ?? null);
  let parents: string[] = over ? [over.commit] : [];
  let tree = over ? await treeOf(ledger, over.commit) : null;

  const write = async (
    above: readonly string[],
    files: CommitInput['files'],
    message: string,
    base: string | null,
  ): Promise<string> => {
    const [commit] = await shared.write([
      {
        parents: above,
        baseTree: base,
        files,
        message: `${message}\n\n${trailers(entry.id)}`,
        author: signature(ledger),
      },
    ]);
    mine.add(commit as string);
    return commit as string;
  };

  let startedAt = ledger.clock.monotonic();
  let tip = await write(parents, [claimFile(claim)], claimMessage(claim), tree);
  // Read before the swap: nothing may fail between having the claim and holding it.
  tree = await treeOf(ledger, tip);
  const swapped = await compareAndSwap(
    shared,
    { ref, from: over?.commit ?? null, to: tip },
    mine,
    backOff(ledger.clock, 4),
    limit,
  );
  if (swapped !== 'won') return { result: swapped };

  let acknowledgedAt = startedAt;
  let pending: ClaimChange = {};
  let finishing = false;
  const oneAtATime = inOrder();

  const swapTo = async (
    commit: string,
    giveUp: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'> => {
    startedAt = ledger.clock.monotonic();
    const result = await compareAndSwap(shared, { ref, from: tip, to: commit }, mine, giveUp, limit);
    if (result === 'won') {
      tip = commit;
      acknowledgedAt = startedAt;
    }
    return result;
  };

  /** The reply to a finish may be lost, and somebody else be quick to settle it: the claim is gone, the outcome stands. */
  const restsAs = async (commit: string): Promise<boolean> => {
    const rest = names.job('jobs', entry.id);
    return (await shared.list([names.ofRun('jobs', entry.id.run)])).get(rest) === commit;
  };

  /** Puts a claim that waits in the place of the lease. It keeps what the tree has of earlier attempts. */
  const leaveWaiting = async (
    next: Pick<ClaimFile, 'attempt' | 'detail' | 'artifacts'>,
    files: CommitInput['files'],
    giveUp: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'> => {
    claim = {
      ...claim,
      ...next,
      state: 'waiting',
      lease: pauseAfter(next.attempt, ledger.clock.random),
      nonce: ledger.clock.id(),
    };
    return swapTo(await write([tip], [claimFile(claim), ...files], claimMessage(claim), tree), giveUp);
  };
  const remove = async () => {
    await compareAndSwap(shared, { ref, from: tip, to: null }, mine, backOff(ledger.clock, 5), limit);
  };

  const holder: ClaimHolder = {
    id: entry.id,
    entry,
    claim: () => claim,
    tip: () => tip,
    acknowledgedAt: () => acknowledgedAt,
    renew(change = {}) {
      const { chunks = [], metrics = [], ...rest } = change;
      pending = { ...pending, ...rest };
      outbox.add({ log: chunks, metrics });
      return oneAtATime(async () => {
        // An earlier renewal has taken this change along, or the end will.
        const told = outbox.load();
        const nothingNew = Object.keys(pending).length === 0 && told.isEmpty;
        if (finishing || (nothingNew && Object.keys(change).length > 0)) return 'won';
        const taken = pending;
        const next: ClaimFile = { ...claim, ...taken, nonce: ledger.clock.id() };
        // A new state is a new commit; a renewal takes the place of the last one, so that history stays short.
        const above = next.state === claim.state ? parents : [tip];
        const commit = await write(above, [claimFile(next), ...told.files], claimMessage(next), tree);
        const nextTree = await treeOf(ledger, commit);
        const result = await swapTo(commit, backOff(ledger.clock, 3));
        if (result === 'won') {
          claim = next;
          // What came in meanwhile goes with the next one.
          if (pending === taken) pending = {};
          told.arrived();
          parents = above;
          tree = nextTree;
        }
        return result;
      });
    },
    finish(makeRecord, files, giveUp = () => false) {
      finishing = true;
      return oneAtATime(async () => {
        claim = { ...claim, ...pending };
        const record = makeRecord(claim);
        const told = outbox.hasArrived() ? await streamTrees(ledger, tip) : [];
        const job = await shared.read(entry.blob);
        if (!job) throw new Error(`the job.json of ${jobName(entry.id)} can't be read`);
        const commit = await write(
          [tip],
          [
            { path: 'job.json', content: job.content },
            { path: 'record.json', content: printFile(record) },
            ...(files.artifacts === null ? [] : [{ path: 'artifacts.json', content: files.artifacts }]),
            ...told,
            ...outbox.load().files,
            ...(files.logTail === null ? [] : [{ path: 'log-tail', content: files.logTail }]),
          ],
          recordMessage(record),
          null,
        );
        const wait = backOff(ledger.clock, Number.POSITIVE_INFINITY);
        const result = await swapTo(commit, async (attempt) => (await giveUp(attempt)) || wait(attempt));
        if (result === 'won' || (result === 'lost' && (await restsAs(commit)))) {
          return { result: 'won', id: entry.id, commit, record };
        }
        return { result };
      });
    },
    handBack(reason, kept, giveUp = () => false) {
      finishing = true;
      return oneAtATime(() => {
        const files = [
          ...outbox.load().files,
          ...(kept === null ? [] : [{ path: 'artifacts.json', content: kept.manifest }]),
        ];
        const next = { attempt: claim.attempt, detail: reason, artifacts: kept?.said ?? claim.artifacts };
        const wait = backOff(ledger.clock, Number.POSITIVE_INFINITY);
        return leaveWaiting(next, files, async (attempt) => (await giveUp(attempt)) || wait(attempt));
      });
    },
    withdraw() {
      finishing = true;
      return oneAtATime(async () => {
        if (over === null) return remove();
        const { attempt, artifacts } = over.claim;
        await leaveWaiting(
          { attempt, artifacts, detail: givenBack(claim) },
          outbox.load().files,
          backOff(ledger.clock, 5),
        );
      });
    },
  };

  const found = await lookAgain(ledger, entry);
  // A job that was taken over has a log to lose: its end is for whoever holds it.
  if (found === 'waits' || (found === 'to-be-stopped' && (toEnd || over !== null))) {
    return { result: 'won', holder };
  }
  await (found === 'ended' ? remove() : holder.withdraw());
  return { result: found === 'unknown' ? 'unknown' : 'lost' };
}
