import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { defaultRequirements, type JobSpec } from '../../language/job-spec.ts';
import { acquireClaim } from '../claims.ts';
import { timeOf } from '../clock.ts';
import type { Ledger } from '../ledger.ts';
import { openLiveReader } from '../live.ts';
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
    labels: { 'dstack/rejected': 'true' },
  };
}

async function closeRejected(ledger: Ledger, run: string): Promise<void> {
  const id = { run, job };
  const ref = ledger.names.job('queue', id);
  const commit = (await ledger.shared.list([ref])).get(ref);
  if (commit === undefined) return;
  const entry = await openLiveReader(ledger).queueEntry(id, commit);
  const claimant = { runner: 'triggers', host: hostname(), instance: ledger.clock.id(), lease: 60 };
  const acquired = await acquireClaim(ledger, entry, claimant, null, true);
  if (acquired.result !== 'won') return;
  const { holder } = acquired;
  const problem = entry.job.spec.env.PROBLEM ?? 'what was pushed can’t be run';
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
