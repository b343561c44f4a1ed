import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { defaultRequirements, type JobSpec } from '../../language/job-spec.ts';
import { acquireClaim } from '../claims.ts';
import { timeOf } from '../clock.ts';
import type { Ledger } from '../ledger.ts';
import { openLiveReader } from '../live.ts';
import type { PreparedRun } from '../prepare-run.ts';
import { makeRecord } from '../records.ts';
import { settle } from '../settle.ts';
import { type Started, submitStarted } from './submit-started.ts';

/** The job of a run that could not be made, because of what was pushed. */
const job = 'rejected';

/**
 * A run that can't be made is shown as one that failed, with the reason as its log, where people look for it.
 * @param problem what is wrong, as many lines as it takes
 * @returns whether this call has made it known
 */
export async function reject(ledger: Ledger, started: Started, problem: string): Promise<boolean> {
  const prepared = await submitStarted(ledger, started, [
    { spec: rejectedSpec(started.workflow, problem), cacheKey: null, useCache: false },
  ]);
  if (!prepared) return false;
  // Whoever is cut off here leaves a job to the runners that says the same, and fails.
  await close(ledger, prepared, problem);
  return true;
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
  };
}

async function close(ledger: Ledger, prepared: PreparedRun, problem: string): Promise<void> {
  const id = { run: prepared.run, job };
  const commit = prepared.updates.find(({ ref }) => ref === ledger.names.job('queue', id))?.to as string;
  const entry = await openLiveReader(ledger).queueEntry(id, commit);
  const claimant = { runner: 'triggers', host: hostname(), instance: ledger.clock.id(), lease: 60 };
  const acquired = await acquireClaim(ledger, entry, claimant, null, true);
  if (acquired.result !== 'won') return;
  const { holder } = acquired;
  const bytes = Buffer.from(`${problem}\n`);
  await holder.renew({ chunks: [{ at: Math.floor(ledger.clock.now() / 1000), bytes }] });
  const log = {
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    stored: false,
  };
  const [reason = ''] = problem.split('\n');
  const finished = await holder.finish(
    (claim) => makeRecord(entry, claim, { state: 'failed', reason, log }, timeOf(ledger.clock)),
    { artifacts: null, logTail: null },
    (attempt) => attempt >= 5,
  );
  if (finished.result === 'won') await settle(ledger, [finished]).catch(() => false);
}
