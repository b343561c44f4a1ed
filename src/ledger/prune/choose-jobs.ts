import { jobName } from '../refs.ts';
import type { WholeJob, WholeLedger, WholeRun } from './whole-ledger.ts';

/** What is decided about the jobs of a ledger. */
export interface Choice {
  /** Commits that may need something of the store which stays. */
  readonly kept: readonly string[];
  /** Jobs that keep nothing from now on, with the commits that they ended with, by run. */
  readonly prune: ReadonlyMap<string, readonly { readonly name: string; readonly commit: string }[]>;
}

/**
 * Decides which jobs keep what they have left: those of runs that have not ended, that have a tag, or that ended after
 * this moment, but for what was given up already; and whatever these depend on or have from the cache, in whichever run
 * that is. Pure.
 * @param before milliseconds since 1970
 */
export function chooseJobs(whole: WholeLedger, before: number): Choice {
  const kept = new Map<string, WholeJob>();
  const open: { run: string; job: string }[] = [];
  const isPruned = (run: string, job: string) => whole.pruned.get(run)?.has(job) === true;
  for (const run of whole.runs.values()) {
    const isFirm = !run.isAtRest || whole.tagged.has(run.name);
    if (!isFirm && !endedAfter(run, before)) continue;
    for (const { name } of run.jobs)
      if (isFirm || !isPruned(run.name, name)) open.push({ run: run.name, job: name });
  }
  for (let id = open.pop(); id; id = open.pop()) {
    const job = kept.has(jobName(id)) ? undefined : jobOf(whole, id);
    if (!job) continue;
    kept.set(jobName(id), job);
    for (const dependency of job.dependsOn) open.push({ run: dependency.run ?? id.run, job: dependency.job });
    if (job.cachedFrom) open.push(job.cachedFrom);
  }
  const prune = new Map<string, { name: string; commit: string }[]>();
  for (const { name: run, jobs } of whole.runs.values()) {
    const chosen = jobs.flatMap(({ name, commit }) =>
      commit === null || isPruned(run, name) || kept.has(jobName({ run, job: name }))
        ? []
        : [{ name, commit }],
    );
    if (chosen.length > 0) prune.set(run, chosen);
  }
  const outcomes = [...kept.values()].flatMap(({ commit }) => commit ?? []);
  return { kept: [...new Set([...outcomes, ...whole.others])], prune };
}

function jobOf(whole: WholeLedger, { run, job }: { run: string; job: string }): WholeJob | undefined {
  return whole.runs.get(run)?.jobs.find(({ name }) => name === job);
}

/**
 * A run whose times can't be read has not ended before anything. Nor has one that was submitted later, whatever the
 * runner's clock says, which is another one.
 */
function endedAfter({ submittedAt, jobs }: WholeRun, before: number): boolean {
  const times = [submittedAt, ...jobs.map(({ finishedAt }) => Date.parse(finishedAt ?? ''))];
  return times.some((time) => !(time < before));
}
