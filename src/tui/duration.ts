import bytes from 'bytes';
import { isFinal, type JobView, type RunView } from '../ledger/state.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago `time` was, in one unit: `now`, `12s ago`, `5m ago`, `3h ago`, `12d ago`. */
export function formatAge(time: string | number, now: number): string {
  const age = now - (typeof time === 'number' ? time : Date.parse(time));
  if (Number.isNaN(age)) return '?';
  // A clock that is ahead of ours puts things into the future: that is `now` to a reader.
  if (age < SECOND) return 'now';
  for (const [unit, length] of [
    ['d', DAY],
    ['h', HOUR],
    ['m', MINUTE],
  ] as const) {
    if (age >= length) return `${Math.floor(age / length)}${unit} ago`;
  }
  return `${Math.floor(age / SECOND)}s ago`;
}

/** `812B`, `1.5KB`, `13.4GB`, in powers of 1024. */
export function formatBytes(count: number): string {
  return bytes.format(count, { decimalPlaces: 1 }) ?? '?';
}

/** Milliseconds from a run's first job's start to its end, or to `now`; null before anything has started. */
export function runDuration(run: RunView, now: number): number | null {
  return duration(run.startedAt, run.finishedAt, isFinal(run.state), now);
}

/** Milliseconds for which a job has been executed so far, or was in all; null if it has not been started. */
export function jobDuration(job: JobView, now: number): number | null {
  return duration(job.startedAt, job.finishedAt, isFinal(job.state), now);
}

function duration(start: string | null, end: string | null, final: boolean, now: number): number | null {
  if (start === null) return null;
  // An end without its time is no reason to go on counting.
  if (end === null && final) return null;
  const ms = (end === null ? now : Date.parse(end)) - Date.parse(start);
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
