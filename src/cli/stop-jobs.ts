import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Ledger } from '../ledger/ledger.ts';
import { isFinal, type RunView } from '../ledger/state.ts';
import { requestStop, type StopTarget, seeStopsThrough } from '../ledger/stop.ts';
import type { Wake } from '../ledger/wake.ts';
import type { Project } from './project.ts';

/** The unfinished jobs of a run, or that one job of it if it is unfinished. */
export function stopTargets(run: RunView, job: string | null): StopTarget[] {
  return run.jobs.flatMap((one) =>
    one.queueEntry && !isFinal(one.state) && (job === null || one.name === job)
      ? [{ id: { run: run.name, job: one.name }, queueEntry: one.queueEntry }]
      : [],
  );
}

/**
 * Asks that jobs end, and sees to it: what nobody has is ended here, so that it needs no living runner.
 * @param progress the jobs (`RUN/JOB`) that have still to end, after each look
 */
export async function stopJobs(
  project: Project,
  ledger: Ledger,
  targets: readonly StopTarget[],
  options: { abort: boolean; wake: Wake; progress?: (remaining: readonly string[]) => void },
): Promise<void> {
  const { lease, poll } = project.config.runner;
  const asked = await requestStop(ledger, targets, { abort: options.abort, by: whoAmI() });
  const claimant = {
    runner: 'dstack-stop',
    host: hostname(),
    instance: randomUUID(),
    lease: lease / 1000,
  };
  await seeStopsThrough(
    ledger,
    asked,
    claimant,
    async () => void (await options.wake.wait(poll)),
    options.progress ?? (() => {}),
  );
}

/** `anna@workstation`, for the reason of a stopped job. */
function whoAmI(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}
