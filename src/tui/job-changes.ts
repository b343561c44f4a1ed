import { formatDuration } from '../human-units.ts';
import type { JobPair } from '../ledger/diff-runs.ts';
import { measurementOf } from '../ledger/measurements.ts';
import type { JobView } from '../ledger/state.ts';
import { formatBytes, jobDuration } from './duration.ts';
import { formatMeasurement } from './metrics-table.ts';

/** Something that came of a job in two runs: text for people, not yet neutralised; empty: there is none. */
export interface JobChange {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  /** By how much it has changed, if it is a number. */
  readonly change: string;
}

/** What came of a job, as far as it differs: how it ended, where, times, sizes, metrics. */
export function jobChanges({ before, after }: JobPair, now: number): JobChange[] {
  if (!before || !after) {
    const stateOf = (job: JobView | null) => job?.state ?? 'no such job';
    return [{ what: 'state', before: stateOf(before), after: stateOf(after), change: '' }];
  }
  const texts = (what: string, textOf: (job: JobView) => string): JobChange => ({
    what,
    before: textOf(before),
    after: textOf(after),
    change: '',
  });
  const found = [
    texts('state', (job) => job.state),
    texts('reason', (job) => (job.cachedFrom ? '' : (job.reason ?? ''))),
    texts('runner', (job) => job.runner ?? ''),
    texts('attempts', (job) => (job.attempt > 0 ? String(job.attempt) : '')),
    // What comes from the cache takes none.
    ...(before.state === 'cached' || after.state === 'cached'
      ? []
      : [
          time('queued', waited(before), waited(after)),
          time('time', jobDuration(before, now), jobDuration(after, now)),
        ]),
    texts('artifacts', (job) => (job.artifacts ? formatBytes(job.artifacts.bytes) : '')),
    ...measured(before, after),
  ];
  return found.filter((one) => one.before !== one.after);
}

/** Milliseconds until a runner took it. */
function waited({ submittedAt, claimedAt, startedAt }: JobView): number | null {
  const ms =
    startedAt === null || claimedAt === null ? null : Date.parse(claimedAt) - Date.parse(submittedAt);
  return ms === null || Number.isNaN(ms) ? null : ms;
}

function time(what: string, before: number | null, after: number | null): JobChange {
  const text = (ms: number | null) => (ms === null ? '' : formatDuration(ms));
  const difference = before === null || after === null ? null : after - before;
  const sign = (difference ?? 0) < 0 ? '-' : '+';
  return {
    ...{ what, before: text(before), after: text(after) },
    change: difference === null ? '' : `${sign}${formatDuration(Math.abs(difference))}`,
  };
}

function measured(before: JobView, after: JobView): JobChange[] {
  const names = new Set([before, after].flatMap((job) => Object.keys(job.metrics ?? {})));
  return [...names].map((what) => {
    const [was, is] = [before, after].map((job) =>
      job?.metrics ? measurementOf(job.metrics, what) : undefined,
    );
    const numbers = typeof was === 'number' && typeof is === 'number';
    return {
      ...{ what, before: formatMeasurement(was), after: formatMeasurement(is) },
      change: numbers ? numberChange(was, is) : '',
    };
  });
}

/** `+0.02 (+6.5%)`. */
function numberChange(was: number, is: number): string {
  const difference = is - was;
  const signed = (value: number, text: string) => (value < 0 ? text : `+${text}`);
  const part = (100 * difference) / Math.abs(was);
  const percent = Number.isFinite(part) ? ` (${signed(part, String(Number(part.toPrecision(2))))}%)` : '';
  return `${signed(difference, formatMeasurement(Number(difference.toPrecision(5))))}${percent}`;
}
