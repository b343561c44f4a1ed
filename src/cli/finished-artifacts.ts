import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { readClaimTip } from '../ledger/live.ts';
import { readFinishedJob } from '../ledger/runs.ts';
import { type FinalState, isFinal, type JobView, type RunView } from '../ledger/state.ts';
import { readManifest } from '../runner/job-inputs.ts';
import { plainText } from '../terminal-text.ts';
import type { JobArtifacts } from './artifact-places.ts';

export interface FinishedArtifacts extends JobArtifacts {
  readonly state: FinalState;
}

/** What these jobs have left, those that have ended with artifacts. */
export async function manifestsOf(
  ledger: Ledger,
  jobs: readonly JobView[],
  only: string | null,
): Promise<FinishedArtifacts[]> {
  const found: FinishedArtifacts[] = [];
  for (const { run, name, workflow, artifacts, commit, state } of jobs) {
    if ((only !== null && name !== only) || !artifacts || commit === null || !isFinal(state)) continue;
    const { spec } = await readFinishedJob(ledger, { run, job: name }, commit);
    const tip = await readClaimTip(ledger, commit);
    const manifest = tip.kind === 'finished' ? await readManifest(ledger, commit, tip.record) : null;
    if (manifest) found.push({ job: name, workflow, declared: spec.artifacts, state, manifest });
  }
  return found;
}

/**
 * @param name as it was asked for
 * @throws DstackError `no-artifacts` if there are none
 */
export function requireArtifacts<T>(found: readonly T[], name: string, run: RunView): readonly T[] {
  if (found.length > 0) return found;
  throw new DstackError('no-artifacts', `${plainText(name)} has left no artifacts`, {
    hint: isFinal(run.state)
      ? undefined
      : `it is ${run.state}; \`dstack logs -f ${run.name}\` waits for its end`,
  });
}
