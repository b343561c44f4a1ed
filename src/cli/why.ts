import { inputsOf } from '../ledger/compare-runs.ts';
import { openExplainer } from '../ledger/explain.ts';
import { jobName } from '../ledger/refs.ts';
import { findRunCommit, listRuns } from '../ledger/runs.ts';
import { plainText } from '../terminal-text.ts';
import { explanationText } from '../tui/explanation-text.ts';
import { locateRun } from './open-state.ts';
import { openProject } from './project.ts';
import { printJson } from './terminal.ts';

/** So many earlier runs of a job are compared with it. */
const newest = 20;

/** `dstack why RUN[/JOB]`: why it was executed, or from where it was taken. */
export async function why(name: string, options: { json?: true }): Promise<void> {
  const { ledger, run, job: only } = await locateRun(await openProject(), name);
  const runs = await listRuns(ledger);
  const own = await findRunCommit(ledger, run.name);
  if (!own) throw new Error(`${run.name} has gone`);
  await ledger.shared.obtain([own.commit]);
  const earlier = runs.filter((one) => one.name !== own.name && one.submittedAt <= own.submittedAt);
  const documents: object[] = [];
  for (const job of run.jobs) {
    if (only !== null && job.name !== only) continue;
    const { cachedFrom, state } = job;
    const explain = openExplainer(ledger, inputsOf(ledger, own), earlier, { newest, asOf: job.claimedAt });
    // What a cached job is the same as is known; nobody asks what it isn't.
    const explanation = state === 'cached' ? null : await explain(job.name);
    documents.push({ run: run.name, job: job.name, state, cachedFrom, ...explanation });
    if (options.json) continue;
    const title = jobName({ run: run.name, job: job.name });
    if (explanation) process.stdout.write(explanationText(`${title} (${state})`, explanation, Date.now()));
    else {
      const source = cachedFrom ? jobName(cachedFrom) : 'an earlier run';
      process.stdout.write(plainText(`${title} (${state}): taken from ${source}, which had the same inputs`));
      process.stdout.write('\n');
    }
  }
  if (options.json) printJson(only === null ? documents : documents[0]);
}
