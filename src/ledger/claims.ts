import type { CommitInput } from '../git/write-commits.ts';
import { backOff } from './back-off.ts';
import { openOutbox } from './chunk-outbox.ts';
import {
  claimFile,
  claimMessage,
  manifestFile,
  recordMessage,
  streamTrees,
  trailers,
  treeOf,
} from './claim-commits.ts';
import type { ClaimChange, ClaimHolder, KeptArtifacts } from './claim-holder.ts';
import { timeOf } from './clock.ts';
import { compareAndSwap, type SwapResult } from './compare-and-swap.ts';
import { type ClaimFile, formatVersion, printFile } from './formats.ts';
import type { Gang } from './gangs/formats.ts';
import { inOrder } from './in-order.ts';
import { type Ledger, signature } from './ledger.ts';
import type { QueueEntry } from './live.ts';
import { isTaken, lookAgain } from './look-again.ts';
import { givenBack } from './reasons.ts';
import { jobName } from './refs.ts';
import { countedAttempts, pauseAfter, pauseAfterGiveBack } from './retries.ts';
import { throughOutage } from './through-outage.ts';
import { printUsage } from './usage.ts';

/** Who claims: what a claim says of its runner. */
export interface Claimant {
  readonly runner: string;
  readonly host: string;
  readonly instance: string;
  /** Seconds. */
  readonly lease: number;
  /** With whom, if the job is for several nodes. */
  readonly gang?: Gang | undefined;
}

/** What a claim says of what has been saved. */
function withArtifacts(kept: (KeptArtifacts & { savedAt?: string }) | undefined): Partial<ClaimFile> {
  return kept ? { artifacts: kept.said, savedAt: kept.savedAt } : {};
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
  if (await isTaken(shared, ref, over?.commit ?? null)) return { result: 'lost' };
  if (over) await shared.obtain([over.commit], { toBuildOn: true });
  let claim: ClaimFile = {
    format: formatVersion,
    run: entry.id.run,
    job: entry.id.job,
    ...claimant,
    nonce: ledger.clock.id(),
    attempt: (over?.claim.attempt ?? 0) + 1,
    lost: over ? over.claim.lost + (over.claim.state === 'waiting' ? 0 : 1) : 0,
    givenBack: over?.claim.givenBack,
    queue: entry.commit,
    state: 'claimed',
    detail: null,
    claimedAt: timeOf(ledger.clock),
    startedAt: null,
    artifacts: over?.claim.artifacts ?? null,
    savedAt: over?.claim.savedAt,
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
      // What this one has replaced can only come back by a call that hung, after others have had the job.
      mine.clear();
      mine.add(commit);
    }
    return result;
  };

  /** The reply to a finish may be lost, and somebody else be quick to settle it: the claim is gone, the outcome stands. */
  const restsAs = async (commit: string): Promise<boolean> => {
    const rest = names.job('jobs', entry.id);
    return (await shared.list([names.ofRun('jobs', entry.id.run)])).get(rest) === commit;
  };

  /** For what has to be told, however often it takes. */
  const insisting = (giveUp: (attempt: number) => boolean | Promise<boolean>) => {
    const wait = backOff(ledger.clock, Number.POSITIVE_INFINITY);
    return async (attempt: number) => (await giveUp(attempt)) || wait(attempt);
  };

  /** Puts a claim that waits in the place of the lease. It keeps what the tree has, of earlier attempts perhaps. */
  const leaveWaiting = async (
    next: Partial<ClaimFile>,
    files: CommitInput['files'],
    giveUp: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'> => {
    const waits: ClaimFile = {
      ...claim,
      ...next,
      state: 'waiting',
      gang: undefined,
      nonce: ledger.clock.id(),
    };
    const writeIt = () => write([tip], [claimFile(waits), ...files], claimMessage(waits), tree);
    const commit = await throughOutage(writeIt, giveUp);
    claim = waits;
    return swapTo(commit, giveUp);
  };
  /** The same for good: with what has been told and saved, however often it takes. */
  const endAttempt = (
    next: Partial<ClaimFile>,
    kept: KeptArtifacts | null,
    giveUp: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'> => {
    finishing = true;
    return oneAtATime(() =>
      leaveWaiting(
        // A checkpoint may be on its way still.
        { ...withArtifacts(kept ?? pending.kept), ...next },
        [...outbox.load().files, ...manifestFile(kept ?? pending.kept)],
        insisting(giveUp),
      ),
    );
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
        const { kept, ...said } = taken;
        const next: ClaimFile = { ...claim, ...said, ...withArtifacts(kept), nonce: ledger.clock.id() };
        // A new state is a new commit; a renewal takes the place of the last one, so that history stays short.
        const above = next.state === claim.state ? parents : [tip];
        const files = [claimFile(next), ...told.files, ...manifestFile(kept)];
        const commit = await write(above, files, claimMessage(next), tree);
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
        const { kept, ...said } = pending;
        claim = { ...claim, ...said };
        const record = makeRecord(claim);
        const mayEnd = insisting(giveUp);
        const told = outbox.hasArrived() ? await throughOutage(() => streamTrees(ledger, tip), mayEnd) : [];
        const job = await throughOutage(() => shared.read(entry.blob), mayEnd);
        if (!job) throw new Error(`the job.json of ${jobName(entry.id)} can't be read`);
        const writeEnd = () =>
          write(
            [tip],
            [
              { path: 'job.json', content: job.content },
              { path: 'record.json', content: printFile(record) },
              ...(files.artifacts === null ? [] : [{ path: 'artifacts.json', content: files.artifacts }]),
              ...told,
              ...outbox.load().files,
              ...(files.logTail === null ? [] : [{ path: 'log-tail', content: files.logTail }]),
              ...(files.usage ? [{ path: 'usage.json', content: printUsage(files.usage) }] : []),
            ],
            recordMessage(record),
            null,
          );
        const commit = await throughOutage(writeEnd, mayEnd);
        const result = await swapTo(commit, mayEnd);
        if (result === 'won' || (result === 'lost' && (await restsAs(commit)))) {
          return { result: 'won', id: entry.id, commit, record };
        }
        return { result };
      });
    },
    handBack(reason, kept, giveUp = () => false) {
      const lease = pauseAfter(countedAttempts(claim), ledger.clock.random);
      return endAttempt({ detail: reason, lease }, kept, giveUp);
    },
    giveBack(kept, giveUp = () => false) {
      const next = { givenBack: (claim.givenBack ?? 0) + 1, lease: pauseAfterGiveBack };
      return endAttempt({ detail: givenBack(claim), ...next }, kept, giveUp);
    },
    withdraw() {
      finishing = true;
      return oneAtATime(async () => {
        if (over === null) return remove();
        const { attempt, artifacts } = over.claim;
        const lease = pauseAfter(attempt, ledger.clock.random);
        await leaveWaiting(
          { attempt, artifacts, lease, detail: givenBack(claim) },
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
