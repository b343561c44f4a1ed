import { logBytesInGit } from '../log-chunks.ts';
import { logTailBytes } from '../log-note.ts';

/** Bytes; each well above what dstack itself writes. */
export const most = {
  /** `job.json`, with all that a workflow's commands say. */
  job: 4 << 20,
  /** `claim.json`, `stop.json`, `runner.json`. */
  small: 256 << 10,
  /** `seen.json`: every branch and tag. */
  seen: 16 << 20,
  record: 4 << 20,
  /** `artifacts.json`: some hundred thousand files. */
  manifest: 64 << 20,
  chunk: 2 * logBytesInGit,
  logTail: 2 * logTailBytes,
  /** What is no text is three times as long in it. */
  note: 4 * (logBytesInGit + logTailBytes),
} as const;

/** Refs of dstack's in one push: a run of the largest matrix has half as many. */
export const mostRefs = 25_000;

/** Commits of one claim: a few an attempt. */
export const mostSteps = 1_000;
