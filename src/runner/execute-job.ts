import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Execution, ExecutionResult } from '../executor/executor.ts';
import type { Repository } from '../git/repository.ts';
import { acquireClaim, type Claimant, type ClaimHolder } from '../ledger/claims.ts';
import type { Lease } from '../ledger/decide.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LiveReader, QueueEntry } from '../ledger/live.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { makeRecord, type Outcome } from '../ledger/records.ts';
import { jobName } from '../ledger/refs.ts';
import { publishToCache, settle } from '../ledger/settle.ts';
import { collectArtifacts } from '../store/collect-artifacts.ts';
import { serializeManifest } from '../store/manifest-text.ts';
import type { Store } from '../store/store.ts';
import { findCached } from './cached-result.ts';
import type { Executors } from './executors.ts';
import { restoreInputs } from './job-inputs.ts';
import { type Ending, jobOutcome, type Upload } from './job-outcome.ts';
import { keepLease } from './lease-keeper.ts';
import { createLogPump, type LogPump } from './log-pump.ts';
import { checkOutSnapshot, fetchSnapshot } from './snapshot-cache.ts';

/** What every job of a runner shares. */
export interface Workplace {
  readonly ledger: Ledger;
  readonly reader: LiveReader;
  readonly store: Store;
  readonly executors: Executors;
  readonly cache: Repository;
  readonly claimant: Claimant;
  /** Work folders are made in here; nobody else may enter it. */
  readonly folder: string;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace: number;
  readonly log: Logger;
  /** Fetches into the object cache one after the other. */
  oneAtATime<T>(act: () => Promise<T>): Promise<T>;
}

/** A hand on a job that is being executed. */
export interface JobControl {
  /** Ends it: in order, or at once and without saving artifacts. */
  stop(how: 'stop' | 'abort', by: string): void;
  /** The runner leaves: ends it and gives it back to the queue. */
  giveBack(): void;
  /** Resolves when nothing of it is left here. */
  readonly ended: Promise<'finished' | 'lost' | 'given-back'>;
}

/**
 * Claims a job and sees it through: inputs in place, commands, log, artifacts, the one commit point, settling.
 * @returns null if the claim was not won
 */
export async function executeJob(
  work: Workplace,
  entry: QueueEntry,
  over: Lease | null,
): Promise<JobControl | null> {
  const acquired = await acquireClaim(work.ledger, entry, work.claimant, over);
  if (acquired.result !== 'won') return null;
  const ending: Ending = { kind: null, by: '' };
  let execution: Execution | null = null;
  let lost = false;

  const end = (kind: NonNullable<Ending['kind']>, by: string) => {
    // An abort overrides a stop, never the reverse.
    if (ending.kind !== null && !(ending.kind === 'stop' && kind !== 'stop')) return;
    ending.kind = kind;
    ending.by = by;
    void execution?.stop(kind === 'abort' ? 0 : work.grace);
  };
  const keeper = keepLease(acquired.holder, {
    freeze: () => void execution?.freeze(),
    thaw: () => void execution?.thaw(),
    lost: () => {
      lost = true;
      end('abort', 'its runner, which had lost the claim');
    },
  });
  const started = (value: Execution) => {
    execution = value;
    if (ending.kind !== null) void value.stop(ending.kind === 'abort' ? 0 : work.grace);
  };
  const ended = carryOut(work, acquired.holder, over, ending, started, () => lost)
    .catch(async (error: unknown) => {
      const reason = `its runner could not carry it through: ${(error as Error).message}`;
      work.log.error({ job: jobName(entry.id), error: String((error as Error).stack) }, 'a job could not be carried through');
      if (lost) return 'lost' as const;
      return conclude(work, acquired.holder, { state: 'failed', reason }, null, null);
    })
    // Not even that: the claim runs out, and another runner takes over.
    .catch(() => 'lost' as const)
    .finally(() => keeper.stop());
  return { stop: end, giveBack: () => end('give-back', 'its runner, which is leaving'), ended };
}

async function carryOut(
  work: Workplace,
  holder: ClaimHolder,
  over: Lease | null,
  ending: Ending,
  started: (execution: Execution) => void,
  isLost: () => boolean,
): Promise<'finished' | 'lost' | 'given-back'> {
  const { entry } = holder;
  const cached = over ? null : await findCached(work.ledger, work.reader, entry, work.store);
  if (cached) {
    const outcome: Outcome = {
      state: 'cached',
      reason: null,
      cachedFrom: cached.record.cachedFrom ?? cached.id,
      artifacts: cached.record.artifacts,
    };
    return conclude(work, holder, outcome, cached.manifest ? serializeManifest(cached.manifest) : null, null);
  }
  await mkdir(work.folder, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(work.folder, `${entry.id.run}-${entry.id.job}-`.slice(0, 100)));
  try {
    return await inFolder(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
      work.log.warn({ folder, error: String(error) }, 'a work folder could not be removed');
    });
  }

  async function inFolder(folder: string): Promise<'finished' | 'lost' | 'given-back'> {
    const workspace = join(folder, 'workflow');
    const pump = createLogPump({
      file: join(folder, 'log'),
      inherited: over ? await earlierLog(work, over) : [],
      store: work.store,
      send: (chunks) => void holder.renew({ chunks }).catch(() => {}),
    });
    if (over) {
      const { runner, attempt } = over.claim;
      pump.push(
        Buffer.from(
          `\ndstack: ${runner} fell silent; attempt ${attempt + 1} begins on ${work.claimant.runner}\n`,
        ),
      );
    }
    const result = await run(work, holder, workspace, pump, ending, started);
    if (isLost()) {
      await pump.end().catch(() => {});
      return 'lost';
    }
    if (ending.kind === 'give-back' && result.exitCode !== 0) {
      await pump.end().catch(() => {});
      await holder.withdraw();
      return 'given-back';
    }
    const upload = await saveArtifacts(work, holder, workspace, ending);
    if (upload.missing.length > 0 && result.exitCode !== 0) {
      pump.push(Buffer.from(`dstack: not there, so not kept: ${upload.missing.join(', ')}\n`));
    }
    const log = await pump.end();
    const outcome = jobOutcome(result, ending, upload);
    const { tail, ...logRecord } = log;
    return conclude(
      work,
      holder,
      { ...outcome, log: logRecord, executor: work.executors.choose(entry.job.spec)?.executor.kind ?? null },
      upload.manifest ? serializeManifest(upload.manifest) : null,
      tail,
    );
  }
}

/** Inputs, then commands. Whatever goes wrong is a result with its reason. */
async function run(
  work: Workplace,
  holder: ClaimHolder,
  workspace: string,
  pump: LogPump,
  ending: Ending,
  started: (execution: Execution) => void,
): Promise<ExecutionResult> {
  const { entry } = holder;
  const { spec } = entry.job;
  const failed = (failure: string): ExecutionResult => ({ exitCode: null, signal: null, failure });
  const chosen = work.executors.choose(spec);
  if (!chosen) return failed('this runner has no executor for it');
  try {
    await work.oneAtATime(() => fetchSnapshot(work.ledger, work.cache, entry, work.claimant.runner));
    await checkOutSnapshot(work.cache, entry, workspace);
    await restoreInputs(work.ledger, work.reader, entry, work.store, workspace);
  } catch (error) {
    return failed(`its inputs could not be put in place: ${(error as Error).message}`);
  }
  if (ending.kind !== null) return { exitCode: null, signal: 'SIGTERM', failure: null };
  if (chosen.notice) pump.push(Buffer.from(chosen.notice));
  const claim = holder.claim();
  try {
    const execution = await chosen.executor.start(
      {
        identity: {
          runner: claim.runner,
          run: claim.run,
          job: claim.job,
          attempt: claim.attempt,
          nonce: claim.nonce,
        },
        image: spec.image,
        commands: spec.commands,
        env: {
          ...spec.env,
          RUN_NAME: claim.run,
          JOB_ID: `${claim.run}/${claim.job}`,
          DSTACK_ATTEMPT: String(claim.attempt),
          PYTHONUNBUFFERED: '1',
        },
        workspace,
        workingDir: spec.workingDir,
      },
      {
        output: (chunk) => pump.push(chunk),
        phase: (phase, detail) => {
          const running = phase === 'running' && holder.claim().startedAt === null;
          const change = { state: phase, detail: detail?.slice(0, 500) ?? null };
          void holder
            .renew(running ? { ...change, startedAt: new Date().toISOString() } : change)
            .catch(() => {});
        },
      },
    );
    started(execution);
    return await execution.finished;
  } catch (error) {
    return failed((error as Error).message);
  }
}

async function saveArtifacts(
  work: Workplace,
  holder: ClaimHolder,
  workspace: string,
  ending: Ending,
): Promise<Upload> {
  const paths = holder.entry.job.spec.artifacts;
  const nothing: Upload = { manifest: null, missing: [], totals: { files: 0, bytes: 0 }, problem: null };
  if (paths.length === 0 || ending.kind === 'abort') return nothing;
  void holder.renew({ state: 'uploading', detail: null }).catch(() => {});
  try {
    return { ...(await collectArtifacts(workspace, paths, work.store)), problem: null };
  } catch (error) {
    return { ...nothing, problem: (error as Error).message };
  }
}

async function conclude(
  work: Workplace,
  holder: ClaimHolder,
  outcome: Outcome,
  artifacts: string | null,
  logTail: Uint8Array | null,
): Promise<'finished' | 'lost'> {
  const finished = await holder.finish((claim) => makeRecord(holder.entry, claim, outcome), {
    artifacts,
    logTail,
  });
  if (finished.result !== 'won') return 'lost';
  const { id, record } = finished;
  work.log.info({ job: jobName(id), state: record.state, reason: record.reason ?? undefined }, 'finished');
  try {
    await settle(work.ledger, [finished]);
    if (record.state === 'done' && record.cacheKey !== null) {
      await publishToCache(work.ledger, record.cacheKey, finished.commit);
    }
  } catch (error) {
    // The outcome stands; whoever looks next completes the rest.
    work.log.warn({ job: jobName(id), error: (error as Error).message }, 'settling is left to the next look');
  }
  return 'finished';
}

async function earlierLog(work: Workplace, over: Lease): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of readLog(work.ledger.shared, over.commit, 0, (sha256) =>
    work.store.read(sha256),
  )) {
    pieces.push(bytes);
  }
  return pieces;
}
