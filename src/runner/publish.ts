import { DstackError, reasonIn } from '../errors.ts';
import { keptManifest } from '../ledger/claim-commits.ts';
import type { ClaimChange, ClaimHolder } from '../ledger/claim-holder.ts';
import { timeOf } from '../ledger/clock.ts';
import { artifactsFailed, attemptFailed } from '../ledger/reasons.ts';
import { makeRecord, type Outcome } from '../ledger/records.ts';
import { jobName } from '../ledger/refs.ts';
import type { UsageSeries } from '../ledger/usage.ts';
import { adoptArtifacts } from '../store/adopt-artifacts.ts';
import { collectArtifacts } from '../store/collect-artifacts.ts';
import type { KnownFiles } from '../store/known-files.ts';
import { stoppableStore } from '../store/stoppable-store.ts';
import type { Ending, Upload } from './job-outcome.ts';
import { onceInContact, passes } from './once-in-contact.ts';
import type { Settler } from './settler.ts';
import type { StateReport } from './state-report.ts';
import type { Workplace } from './workplace.ts';

/** How often a runner that is leaving tries to publish what it has, if the repository does not answer. */
const triesWhenLeaving = 5;

export const noUpload: Upload = {
  manifest: null,
  missing: [],
  skipped: [],
  totals: { files: 0, bytes: 0 },
  problem: null,
};

/**
 * Puts a job's artifacts into the store; nothing of an aborted one. Its files then become inputs that are here already,
 * since its workspace is not needed any more.
 * @param known what checkpoints have read of it
 * @param hurry says when there is no time left for it
 */
export async function collectUpload(
  { store, inputCache }: Pick<Workplace, 'store' | 'inputCache'>,
  paths: readonly string[],
  workspace: string,
  ending: Ending,
  states: Pick<StateReport, 'tell'>,
  known: KnownFiles,
  hurry: AbortSignal,
): Promise<Upload> {
  if (paths.length === 0 || ending.kind === 'abort') return noUpload;
  states.tell({ state: 'uploading', detail: null });
  try {
    const collected = await collectArtifacts(workspace, paths, stoppableStore(store, hurry), { known });
    if (inputCache) await adoptArtifacts(collected.manifest, workspace, inputCache);
    return { ...collected, problem: null };
  } catch (error) {
    return { ...noUpload, problem: artifactsFailed(reasonIn(error)) };
  }
}

export interface Publication {
  readonly outcome: Outcome;
  /** The text of `artifacts.json`. */
  readonly artifacts?: string | null;
  /** What goes into the claim with the end: the rest of the log, the last state. */
  readonly last?: ClaimChange;
  readonly logTail?: Uint8Array | null;
  /** What it has used of the machine over time. */
  readonly usage?: UsageSeries | null;
  /** Gives up what the job has on this machine's disk, if that turns out to be full. */
  readonly makeRoom?: () => Promise<void>;
}

/** Does something again and again for as long as this machine's disk is full. */
async function onceThereIsRoom<T>(
  act: () => Promise<T>,
  wait: (attempt: number, error: DstackError) => Promise<void>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof DstackError && error.code === 'disk-full')) throw error;
      await wait(attempt, error);
    }
  }
}

function makingRoom(
  work: Pick<Workplace, 'ledger' | 'log'>,
  holder: ClaimHolder,
  runner: { readonly leaving: boolean },
  makeRoom: () => Promise<void>,
) {
  return async (attempt: number, error: DstackError) => {
    if (runner.leaving && attempt >= triesWhenLeaving) throw error;
    if (attempt === 1) {
      work.log.warn(
        { job: jobName(holder.id), error: error.message },
        'its end can be written once there is room',
      );
      await makeRoom();
    } else await work.ledger.clock.sleep(1_000);
  };
}

/** What the end of a job has to do with. */
type Publisher = Pick<Workplace, 'ledger' | 'log' | 'endHook'> & { readonly settler: Pick<Settler, 'add'> };

/** The one commit point of a job. Settling, on which nothing depends, is handed on. */
export async function conclude(
  work: Publisher,
  holder: ClaimHolder,
  runner: { readonly leaving: boolean },
  {
    outcome,
    artifacts = null,
    last = {},
    logTail = null,
    usage = null,
    makeRoom = async () => {},
  }: Publication,
): Promise<'finished' | 'lost'> {
  // Not a push of its own: what is handed over right before the end goes with it.
  if (Object.keys(last).length > 0) void holder.renew(last).catch(() => {});
  const finish = () =>
    holder.finish(
      (claim) => makeRecord(holder.entry, claim, outcome, timeOf(work.ledger.clock)),
      { artifacts, logTail, usage },
      (attempt) => runner.leaving && attempt >= triesWhenLeaving,
    );
  const finished = await onceThereIsRoom(finish, makingRoom(work, holder, runner, makeRoom));
  if (finished.result !== 'won') return 'lost';
  const { id, record } = finished;
  work.log.info({ job: jobName(id), state: record.state, reason: record.reason ?? undefined }, 'finished');
  work.settler.add(finished);
  work.endHook?.tell(record);
  return 'finished';
}

/**
 * What has been saved, by earlier attempts or as a checkpoint: the text of the manifest, and what is said of it. Null: nothing.
 * @throws DstackError of an outage: what there is can't be read now
 */
export async function keptByEarlier(
  { ledger }: Pick<Workplace, 'ledger'>,
  holder: Pick<ClaimHolder, 'claim' | 'tip'>,
): Promise<{ manifest: string; said: NonNullable<Outcome['artifacts']> } | null> {
  const said = holder.claim().artifacts;
  if (said === null) return null;
  const manifest = await keptManifest(ledger, holder.tip()).catch((error: unknown) => {
    if (passes(error)) throw error;
    return null;
  });
  return manifest === null ? null : { manifest, said };
}

/** The same at a job's end, which an outage does not make poorer, unless its runner leaves. */
export function keptAtEnd(
  work: Pick<Workplace, 'ledger'>,
  holder: Pick<ClaimHolder, 'claim' | 'tip'>,
  runner: { readonly leaving: boolean },
): ReturnType<typeof keptByEarlier> {
  return onceInContact(
    () => keptByEarlier(work, holder),
    () => runner.leaving,
  ).catch(() => null);
}

/** Ends a job as failed of which this attempt has executed nothing. What earlier ones have saved stays. */
export async function concludeUnexecuted(
  work: Publisher,
  holder: ClaimHolder,
  runner: { readonly leaving: boolean },
  reason: string,
): Promise<'finished' | 'lost'> {
  const kept = await keptAtEnd(work, holder, runner);
  return conclude(work, holder, runner, {
    outcome: { state: 'failed', reason, artifacts: kept?.said ?? null },
    artifacts: kept?.manifest ?? null,
  });
}

/** Ends an attempt that has failed, so that another one can be made, here or elsewhere. */
export async function handBack(
  work: Pick<Workplace, 'ledger' | 'log'>,
  holder: ClaimHolder,
  runner: { readonly leaving: boolean },
  publication: Publication,
): Promise<'handed-back' | 'lost'> {
  const reason = attemptFailed(holder.claim().attempt, publication.outcome.reason ?? '');
  const left = await endAttempt(work, holder, runner, publication, (kept, giveUp) =>
    holder.handBack(reason, kept, giveUp),
  );
  if (left !== 'won') return 'lost';
  work.log.info({ job: jobName(holder.id), reason }, 'to be tried again');
  return 'handed-back';
}

/** Gives a job that was being executed back, with what it has saved: its runner leaves. */
export async function giveBack(
  work: Pick<Workplace, 'ledger' | 'log'>,
  holder: ClaimHolder,
  runner: { readonly leaving: boolean },
  publication: Publication,
): Promise<'given-back' | 'lost'> {
  const left = await endAttempt(work, holder, runner, publication, holder.giveBack);
  return left === 'won' ? 'given-back' : 'lost';
}

function endAttempt(
  work: Pick<Workplace, 'ledger' | 'log'>,
  holder: ClaimHolder,
  runner: { readonly leaving: boolean },
  { outcome, artifacts = null, last = {}, makeRoom = async () => {} }: Publication,
  leave: ClaimHolder['giveBack'],
): ReturnType<ClaimHolder['giveBack']> {
  if (Object.keys(last).length > 0) void holder.renew(last).catch(() => {});
  const kept = artifacts === null ? null : { manifest: artifacts, said: outcome.artifacts ?? null };
  return onceThereIsRoom(
    () => leave(kept, (attempt) => runner.leaving && attempt >= triesWhenLeaving),
    makingRoom(work, holder, runner, makeRoom),
  );
}
