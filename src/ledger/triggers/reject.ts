import { defaultRequirements, type JobSpec } from '../../language/job-spec.ts';
import { endAtOnce, forNoRunner } from '../end-at-once.ts';
import type { Ledger } from '../ledger.ts';
import { type Started, submitStarted } from './submit-started.ts';

/** The job of a run that could not be made, because of what was pushed. */
const job = 'rejected';

/**
 * A run that can't be made is shown as one that failed, with the reason as its log, where people look for it.
 * @param problem what is wrong, as many lines as it takes
 * @returns whether this call has made it known
 */
export async function reject(ledger: Ledger, started: Started, problem: string): Promise<boolean> {
  const spec = rejectedSpec(started.workflow, problem);
  const prepared = await submitStarted(ledger, started, [{ spec, cacheKey: null, useCache: false }]);
  await closeRejected(ledger, started.run);
  return prepared !== null;
}

/** Is this run there? If it is one that was rejected, by somebody who was cut off then, it is brought to its end. */
export async function isDealtWith(ledger: Ledger, run: string): Promise<boolean> {
  const [ref, entry] = [ledger.names.run(run), ledger.names.job('queue', { run, job })];
  const found = await ledger.shared.tips([ref, entry]);
  if (found.has(ref) && found.has(entry)) await closeRejected(ledger, run);
  return found.has(ref);
}

function rejectedSpec(workflow: string, problem: string): JobSpec {
  return {
    name: job,
    workflow,
    image: null,
    commands: ['printf "%s\\n" "$PROBLEM"', 'exit 1'],
    env: { PROBLEM: problem },
    secrets: [],
    workingDir: '.',
    artifacts: [],
    variables: {},
    dependsOn: [],
    files: null,
    ...defaultRequirements,
    retry: { limit: 0, on: [] },
    // No runner is to be quicker than who knows the reason.
    labels: forNoRunner('rejected'),
  };
}

async function closeRejected(ledger: Ledger, run: string): Promise<void> {
  await endAtOnce(ledger, { run, job }, ({ env }) => {
    const problem = env.PROBLEM ?? "what was pushed can't be run";
    const [reason = ''] = problem.split('\n');
    return { by: 'triggers', outcome: { state: 'failed', reason }, log: Buffer.from(`${problem}\n`) };
  });
}
