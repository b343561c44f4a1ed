import { personName } from '../../tui/describe.ts';
import type { RunSummary } from '../answer-types.ts';

/** Which runs of the list are shown. Empty: any. */
export interface RunFilter {
  /** Each of its words is found somewhere in the run. */
  readonly text: string;
  readonly workflow: string;
  readonly state: string;
  readonly tag: string;
}

const texts = new WeakMap<RunSummary, string>();

/** Pure. */
export function filterRuns(runs: readonly RunSummary[], filter: RunFilter): readonly RunSummary[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter(
    (run) =>
      (filter.workflow === '' || run.workflow === filter.workflow) &&
      (filter.state === '' || run.state === filter.state) &&
      (filter.tag === '' || run.tags.includes(filter.tag)) &&
      words.every((word) => searched(run).includes(word)),
  );
}

function searched(run: RunSummary): string {
  const known = texts.get(run);
  if (known !== undefined) return known;
  const variables = Object.entries(run.variables).map(([name, value]) => `${name}=${value}`);
  const text = [
    ...[run.name, run.workflow, run.state, personName(run.submittedBy), run.reason ?? ''],
    ...[...variables, ...run.tags.map((tag) => `:${tag}`), ...run.jobNames],
  ]
    .join('\n')
    .toLowerCase();
  texts.set(run, text);
  return text;
}
