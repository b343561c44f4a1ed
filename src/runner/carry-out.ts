import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import type { Execution } from '../executor/executor.ts';
import type { ClaimHolder } from '../ledger/claims.ts';
import type { Lease } from '../ledger/decide.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { serializeManifest } from '../store/manifest-text.ts';
import { findCached } from './cached-result.ts';
import { restoreInputs } from './job-inputs.ts';
import { type Ending, jobOutcome } from './job-outcome.ts';
import { openLogPump } from './log-pump.ts';
import { onceInContact } from './once-in-contact.ts';
import { collectUpload, conclude } from './publish.ts';
import { runCommands } from './run-commands.ts';
import { checkOutSnapshot, fetchSnapshot } from './snapshot-cache.ts';
import { reportStates } from './state-report.ts';
import type { Workplace } from './workplace.ts';

/** How a job left this runner. `postponed`: it does not exist as yet, and was given back. */
export type JobEnd = 'finished' | 'lost' | 'given-back' | 'postponed';

/** What the parts of one execution share: whether and why it is to end, and what is being executed. */
export interface Course {
  readonly ending: Ending;
  lost: boolean;
  /** The runner is leaving: nothing is tried for ever. */
  leaving: boolean;
  started(execution: Execution): void;
}

/** Sees a claimed job through, up to its end or to where it is given back. */
export async function carryOut(
  work: Workplace,
  holder: ClaimHolder,
  over: Lease | null,
  course: Course,
): Promise<JobEnd> {
  const { entry } = holder;
  const failed = (reason: string) => conclude(work, holder, course, { outcome: { state: 'failed', reason } });
  // First of all: what the run commit does not vouch for gets nothing, not even from the cache.
  try {
    await onceInContact(
      () => work.oneAtATime(() => fetchSnapshot(work, entry)),
      () => course.ending.kind !== null,
    );
  } catch (error) {
    if (course.lost) return 'lost';
    if (error instanceof DstackError && error.code === 'run-missing') {
      await holder.withdraw();
      return 'postponed';
    }
    if (course.ending.kind === null) return failed(inputsFailed(error));
  }
  const cached =
    over || course.ending.kind !== null
      ? null
      : await findCached(work.ledger, work.reader, entry, work.store);
  if (cached) {
    return conclude(work, holder, course, {
      outcome: {
        state: 'cached',
        reason: null,
        cachedFrom: cached.record.cachedFrom ?? cached.id,
        artifacts: cached.record.artifacts,
      },
      artifacts: cached.manifest ? serializeManifest(cached.manifest) : null,
    });
  }
  await mkdir(work.folder, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(work.folder, `${entry.id.run}-${entry.id.job}-`.slice(0, 100)));
  try {
    return await executeIn(folder, work, holder, over, course);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
      work.log.warn({ folder, error: String(error) }, 'a work folder could not be removed');
    });
  }
}

async function executeIn(
  folder: string,
  work: Workplace,
  holder: ClaimHolder,
  over: Lease | null,
  course: Course,
): Promise<JobEnd> {
  const { entry } = holder;
  const { ending } = course;
  const workspace = join(folder, 'workflow');
  const states = reportStates((change) => holder.renew(change));
  const pump = await openLogPump({
    file: join(folder, 'log'),
    inherited: over ? earlierLog(work, over) : null,
    store: work.store,
    send: (chunks) => holder.renew({ ...states.take(), chunks }),
  });
  try {
    if (over) pump.push(takeoverNotice(over, work.claimant.runner));
    const inputs = await putInputs(work, holder, workspace, ending);
    const result =
      inputs ??
      (await runCommands(work, holder.claim(), entry.job.spec, workspace, pump, states, course.started));
    if (course.lost) return 'lost';
    // Once the commands have ended by themselves it is too late to stop them, but not to abort.
    const cut: Ending = { ...ending };
    if (cut.kind === 'give-back') {
      states.take();
      await holder.withdraw();
      return 'given-back';
    }
    const upload = await collectUpload(work.store, entry.job.spec.artifacts, workspace, cut, states);
    if (upload.missing.length > 0 && (result.exitCode !== 0 || cut.kind !== null)) {
      pump.push(Buffer.from(`dstack: not there, so not kept: ${upload.missing.join(', ')}\n`));
    }
    const { rest, tail, problem, ...log } = await pump.end();
    const outcome = jobOutcome(result, ending.kind === 'abort' ? ending : cut, {
      ...upload,
      problem: upload.problem ?? problem,
    });
    return await conclude(work, holder, course, {
      outcome: { ...outcome, log, executor: work.executors.choose(entry.job.spec)?.executor.kind ?? null },
      artifacts: upload.manifest && outcome.artifacts ? serializeManifest(upload.manifest) : null,
      last: { ...states.take(), chunks: rest },
      logTail: tail,
      makeRoom: async () => {
        pump.close();
        await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
      },
    });
  } finally {
    states.take();
    pump.close();
  }
}

/** @returns null, or why they could not be put in place */
async function putInputs(work: Workplace, holder: ClaimHolder, workspace: string, ending: Ending) {
  const { entry } = holder;
  const isOver = () => ending.kind !== null;
  try {
    if (!isOver()) await onceInContact(() => checkOutSnapshot(work, entry, workspace), isOver);
    if (!isOver())
      await onceInContact(
        () => restoreInputs(work.ledger, work.reader, entry, work.store, workspace),
        isOver,
      );
  } catch (error) {
    if (!isOver()) return { exitCode: null, signal: null, failure: inputsFailed(error) };
  }
  return isOver() ? { exitCode: null, signal: 'SIGTERM', failure: null } : null;
}

function inputsFailed(error: unknown): string {
  return `its inputs could not be put in place: ${(error as Error).message}`;
}

function takeoverNotice(over: Lease, runner: string): Buffer {
  const { attempt, runner: former } = over.claim;
  return Buffer.from(`\ndstack: ${former} fell silent; attempt ${attempt + 1} begins on ${runner}\n`);
}

async function* earlierLog(work: Workplace, over: Lease): AsyncGenerator<Uint8Array> {
  const readStored = (sha256: string) => work.store.read(sha256);
  for await (const { bytes } of readLog(work.ledger.shared, over.commit, 0, readStored)) yield bytes;
}
