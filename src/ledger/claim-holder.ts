import type { SwapResult } from './compare-and-swap.ts';
import type { ClaimFile, RecordFile } from './formats.ts';
import type { Gang } from './gangs/formats.ts';
import type { QueueEntry } from './live.ts';
import type { NewChunk } from './log-chunks.ts';
import type { JobId } from './refs.ts';
import type { Finished } from './settle.ts';
import type { UsageSeries } from './usage.ts';

/** What has been saved of a job's artifacts: the text of the manifest, and what is said of it. */
export interface KeptArtifacts {
  readonly manifest: string;
  readonly said: ClaimFile['artifacts'];
}

export interface ClaimChange {
  state?: Exclude<ClaimFile['state'], 'waiting'>;
  detail?: string | null;
  startedAt?: string;
  gang?: Gang;
  /** More of the log. */
  chunks?: readonly NewChunk[];
  /** More of what the job measures. */
  metrics?: readonly NewChunk[];
  /** A checkpoint: what has just been saved of its artifacts, in place of what was. */
  kept?: KeptArtifacts & { readonly savedAt: string };
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
    files: { artifacts: string | null; logTail: Uint8Array | null; usage?: UsageSeries | null },
    giveUp?: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<{ result: 'lost' | 'unknown' } | ({ result: 'won' } & Finished)>;
  /**
   * Ends this attempt, and lets the job wait for the next one, which any runner may make after a short while.
   * Nothing of it may be computing any more. Tries like `finish`, and takes along what that would.
   * @param reason how the attempt ended, for people
   * @param kept what it has saved, in place of what there was; null: nothing new
   */
  handBack(
    reason: string,
    kept: KeptArtifacts | null,
    giveUp?: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'>;
  /**
   * The same for an attempt that has not failed: its runner leaves. It doesn't count to the limit of attempts, and the
   * next one may begin at once.
   */
  giveBack(
    kept: KeptArtifacts | null,
    giveUp?: (attempt: number) => boolean | Promise<boolean>,
  ): Promise<SwapResult | 'unknown'>;
  /** Gives the job back as if this attempt had not been begun: to the queue, or to wait if there were others before. */
  withdraw(): Promise<void>;
}
