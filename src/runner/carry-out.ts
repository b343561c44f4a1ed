import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError, reasonIn } from '../errors.ts';
import { cutShort } from '../executor/executions.ts';
import type { ExecutionResult, ImageIdentity } from '../executor/executor.ts';
import type { ClaimHolder } from '../ledger/claim-holder.ts';
import { isForGang, type Lease } from '../ledger/decide.ts';
import { inputsFailed } from '../ledger/reasons.ts';
import { imageFields } from '../ledger/records.ts';
import { jobName } from '../ledger/refs.ts';
import { mayRetry } from '../ledger/retries.ts';
import { yieldsTo } from '../ledger/same-key.ts';
import { openKnownFiles } from '../store/known-files.ts';
import { hashOfManifest, serializeManifest } from '../store/manifest-text.ts';
import { sayingOfWhom } from '../store/store-users.ts';
import { findCached } from './cached-result.ts';
import { keepCheckpoints } from './checkpoints.ts';
import { earlierLog, takeoverNotice } from './earlier-log.ts';
import type { LeadingCourse } from './gang-course.ts';
import { inputSteps } from './input-steps.ts';
import { openJobMetrics } from './job-metrics.ts';
import { type Ending, failedFor, jobOutcome } from './job-outcome.ts';
import { type JobSecrets, obtainSecrets } from './job-secrets.ts';
import { watchUsage } from './job-usage.ts';
import { openLogPump } from './log-pump.ts';
import { onceInContact } from './once-in-contact.ts';
import {
  collectUpload,
  conclude,
  concludeUnexecuted,
  giveBack,
  handBack,
  keptAtEnd,
  noUpload,
  type Publication,
} from './publish.ts';
import { runCommands } from './run-commands.ts';
import { type JobSetup, setupOf } from './setup-cache.ts';
import { reportStates } from './state-report.ts';
import { inWorkFolder, makeWorkFolder } from './work-folder.ts';
import type { Workplace } from './workplace.ts';

/**
 * How a job left this runner. `postponed`: it was given back since it does not exist as yet, or another makes the same;
 * `handed-back`: this attempt has failed, and there is to be another one.
 */
export type JobEnd = 'finished' | 'lost' | 'given-back' | 'postponed' | 'handed-back';

/** Sees a claimed job through, up to its end or to where it is given back. */
export async function carryOut(
  place: Workplace,
  holder: ClaimHolder,
  over: Lease | null,
  course: LeadingCourse,
): Promise<JobEnd> {
  const { entry } = holder;
  const noteRun = () => place.noteRun(entry.id.run, entry.runCommit);
  const work = { ...place, store: sayingOfWhom(place.store, noteRun) };
  const isToEnd = () => course.ending.kind !== null;
  /** What may save an execution; not of what was taken over, which has a log to lose, and not once the job is to end. */
  const ask = async <T>(act: () => Promise<T | null>): Promise<T | null> => {
    if (over || isToEnd()) return null;
    try {
      return await onceInContact(act, isToEnd);
    } catch (error) {
      if (isToEnd()) return null;
      throw error;
    }
  };
  // First of all: what the run commit does not vouch for gets nothing, not even from the cache.
  try {
    await onceInContact(() => work.snapshots.fetch(entry), isToEnd);
  } catch (error) {
    if (course.lost) return 'lost';
    if (error instanceof DstackError && error.code === 'run-missing') {
      await holder.withdraw();
      return 'postponed';
    }
    if (!isToEnd()) return concludeUnexecuted(work, holder, course, inputsFailed(reasonIn(error)));
  }
  const cached = await ask(() => findCached(work, entry));
  if (cached) {
    // Its files are this run's, too.
    if (cached.manifest) await noteRun().catch(() => {});
    const artifacts = cached.manifest ? serializeManifest(cached.manifest) : null;
    const said = cached.record.artifacts;
    return conclude(work, holder, course, {
      outcome: {
        state: 'cached',
        reason: null,
        cachedFrom: cached.record.cachedFrom ?? cached.id,
        ...imageFields(cached.record),
        artifacts: said && artifacts !== null ? { ...said, manifest: hashOfManifest(artifacts) } : null,
        metrics: cached.record.metrics,
      },
      artifacts,
    });
  }
  // Its result was there a moment ago; it takes several to make it.
  if (isForGang(entry) && course.gang === null) {
    await holder.withdraw();
    return 'postponed';
  }
  const goesFirst = await ask(() => yieldsTo(work.ledger, work.reader, entry, course.silent));
  if (goesFirst) {
    work.log.info(
      { job: jobName(entry.id), other: jobName(goesFirst) },
      'given back: another makes the same',
    );
    await holder.withdraw();
    return 'postponed';
  }
  const secrets = await obtainSecrets(work, entry);
  if (!secrets) {
    await holder.withdraw();
    return 'postponed';
  }
  const folder = await makeWorkFolder(work, entry);
  return inWorkFolder(folder, work, secrets, () => executeIn(folder, work, holder, over, course, secrets));
}

async function executeIn(
  folder: string,
  work: Workplace,
  holder: ClaimHolder,
  over: Lease | null,
  course: LeadingCourse,
  secrets: JobSecrets,
): Promise<JobEnd> {
  const { entry } = holder;
  const { ending } = course;
  const workspace = join(folder, 'workflow');
  const states = secrets.coverStates(reportStates((change) => holder.renew(change)));
  const pump = await openLogPump({
    file: join(folder, 'log'),
    inherited: over ? earlierLog(work, over) : null,
    store: work.store,
    whole: true,
    send: (chunks) => holder.renew({ ...states.take(), chunks }),
  });
  const metrics = await openJobMetrics(work, holder, { folder, workspace }, secrets);
  const lines = course.gang?.cover(pump) ?? null;
  const output = secrets.coverOutput(lines ?? pump);
  const say = (line: string) => pump.push(Buffer.from(`dstack: ${line}\n`));
  const known = openKnownFiles();
  const checkpoints = keepCheckpoints(work, holder, course, workspace, known, (line) =>
    say(secrets.hide(line)),
  );
  const usage = watchUsage(work.gpuMeter, course.allotment, entry.job.spec.resources);
  try {
    if (over) pump.push(takeoverNotice(over, work.claimant.runner));
    const setup = setupOf(work, entry, { folder, workspace }, say);
    const inputs =
      (await putInputs(work, holder, workspace, setup, ending, say)) ?? (await course.gang?.gather()) ?? null;
    if (!inputs) await metrics.begin();
    const result: ExecutionResult & { image?: ImageIdentity } =
      inputs ??
      secrets.hideInResult(
        await runCommands(
          work,
          holder.claim(),
          secrets.addTo(entry.job.spec),
          { workspace, home: setup.home },
          output,
          states,
          usage.watched(course),
        ),
      );
    await checkpoints.end();
    output.end();
    lines?.end();
    const used = usage.end();
    if (course.lost) return 'lost';
    // Once the commands have ended by themselves it is too late to stop them, but not to abort.
    const cut: Ending = { ...ending };
    if (cut.kind === 'give-back' && !course.begun) {
      states.take();
      await holder.withdraw();
      return 'given-back';
    }
    const { spec } = entry.job;
    if (result.exitCode === 0 && cut.kind === null) await setup.keep(result.image ?? null);
    // Of what has not been executed, what happens to lie in the workspace is no artifact.
    const found = inputs
      ? noUpload
      : await collectUpload(work, spec.artifacts, workspace, cut, states, known, course.hurry);
    const leaves = cut.kind === 'give-back';
    // Where an attempt that is cut short has nothing, as yet, what there was before stays.
    const upload = leaves && found.totals.files === 0 ? { ...found, manifest: null } : found;
    if (leaves && upload.problem !== null) say(secrets.hide(upload.problem));
    if (upload.missing.length > 0 && (result.exitCode !== 0 || cut.kind !== null)) {
      say(`not there, so not kept: ${upload.missing.join(', ')}`);
    }
    if (upload.skipped.length > 0) say(`can't be artifacts, so not kept: ${upload.skipped.join(', ')}`);
    const measured = inputs ? null : await metrics.end();
    for (const notice of measured?.notices ?? []) say(notice);
    const { rest, tail, problem, ...log } = await pump.end();
    const last: Ending = ending.kind === 'abort' ? ending : cut;
    const outcome = jobOutcome(
      result,
      last,
      { ...upload, problem: secrets.hide(upload.problem) ?? problem },
      spec,
    );
    const kept = outcome.artifacts || last.kind === 'abort' ? null : await keptAtEnd(work, holder, course);
    const publication: Publication = {
      outcome: {
        ...outcome,
        artifacts: outcome.artifacts ?? kept?.said ?? null,
        log,
        metrics: measured?.last ?? null,
        ...(used ? { usage: used.totals } : {}),
        executor: work.executors.choose(spec)?.executor.kind ?? null,
        ...(result.image?.digest && { imageDigest: result.image.digest }),
        ...(result.image?.id && { imageId: result.image.id }),
      },
      artifacts:
        upload.manifest && outcome.artifacts ? serializeManifest(upload.manifest) : (kept?.manifest ?? null),
      last: { ...states.take(), chunks: rest, metrics: measured?.rest ?? [] },
      logTail: tail,
      usage: used?.series ?? null,
      makeRoom: async () => {
        pump.close();
        metrics.close();
        await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
      },
    };
    if (last.kind === 'give-back') return await giveBack(work, holder, course, publication);
    const failedAs = failedFor(result, last);
    return failedAs !== null && mayRetry(spec, holder.claim(), failedAs)
      ? await handBack(work, holder, course, publication)
      : await conclude(work, holder, course, publication);
  } finally {
    await checkpoints.end();
    states.take();
    pump.close();
    metrics.close();
    usage.end();
  }
}

/** @returns null, or why they could not be put in place */
async function putInputs(
  work: Workplace,
  holder: ClaimHolder,
  workspace: string,
  setup: JobSetup,
  ending: Ending,
  say: (line: string) => void,
): Promise<ExecutionResult | null> {
  const { entry } = holder;
  const isOver = () => ending.kind !== null;
  const steps = [...inputSteps(work, entry, holder, workspace, say), () => setup.restore(isOver)];
  try {
    for (const step of steps) if (!isOver()) await onceInContact<unknown>(step, isOver);
  } catch (error) {
    if (!isOver()) {
      return { exitCode: null, signal: null, failure: inputsFailed(reasonIn(error)) };
    }
  }
  return isOver() ? cutShort : null;
}
