import { createHash } from 'node:crypto';
import { isFinal, type RunView } from '../ledger/state.ts';
import { runReason } from '../tui/describe.ts';
import type { RunSummary } from './answer-types.ts';

const known = new WeakMap<RunView, { tags: string; summary: RunSummary }>();

/** A run as a line of the list; of one that is the same object as before, the same. */
export function summarise(run: RunView, tags: readonly string[]): RunSummary {
  const before = known.get(run);
  const key = tags.join(' ');
  if (before?.tags === key) return before.summary;
  const summary: RunSummary = {
    ...{ name: run.name, workflow: run.workflow, state: run.state, variables: run.variables, tags },
    ...{ submittedAt: run.submittedAt, submittedBy: run.submittedBy },
    ...{ startedAt: run.startedAt, finishedAt: run.finishedAt },
    jobs: { ended: run.jobs.filter(({ state }) => isFinal(state)).length, all: run.jobs.length },
    reason: runReason(run) ?? run.reason,
    jobNames: run.jobs.length > 1 ? run.jobs.map(({ name }) => name) : [],
    version: createHash('sha256').update(JSON.stringify(run)).update(key).digest('base64').slice(0, 12),
    ...(run.repository === undefined ? {} : { repository: run.repository }),
  };
  known.set(run, { tags: key, summary });
  return summary;
}
