import { logBytesInGit } from '../log-chunks.ts';
import { logTailBytes } from '../log-note.ts';

/** Bytes; each well above what dstack itself writes. */
export const most = {
  /** `job.json`, with all that a workflow's commands say. */
  job: 4 << 20,
  /** `claim.json`, `stop.json`, `runner.json`, `usage.json`. */
  small: 256 << 10,
  /** `seen.json`: every branch and tag. */
  seen: 16 << 20,
  record: 4 << 20,
  /** A run in the archive, with what its ten thousand jobs ended as; and what an index says of itself. */
  archivedRun: 64 << 20,
  shard: 4 << 20,
  /** `artifacts.json`: some hundred thousand files. */
  manifest: 64 << 20,
  chunk: 2 * logBytesInGit,
  logTail: 2 * logTailBytes,
  /** What is no text is three times as long in it. */
  note: 4 * (logBytesInGit + logTailBytes),
} as const;

/** Refs of dstack's in one push: when a run of ten thousand jobs has been archived, three of each job go. */
export const mostRefs = 50_000;

/**
 * Looks at objects for one push, and bytes of them that are read: a run of ten thousand jobs that is brought with its
 * outcomes takes half a million, and a hundredth. Three trees can be said to have 16 million files.
 */
export const mostLooks = 2_000_000;
export const mostRead = 512 << 20;

/** Seconds; who has gone for ever is waited for no longer. */
export const longestLease = 7 * 24 * 3600;

/** Pushes that are pending at a time; twice what dstack itself lets there be. */
export const mostPending = 100;

/** Keepers of an archive that are looked through, the newest first: a folding adds a few. */
export const mostKeepers = 1_000;

/** Commits of one claim: a few an attempt. */
export const mostSteps = 1_000;
