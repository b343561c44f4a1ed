import type { RunDifferences } from '../ledger/diff-runs.ts';
import type { Difference } from '../ledger/differences.ts';
import type { JobFile, RecordFile } from '../ledger/formats.ts';
import type { Measured } from '../ledger/read-measured.ts';
import type { JobState, RunView } from '../ledger/state.ts';
import type { Trial } from '../ledger/trials.ts';
import type { UsageSeries } from '../ledger/usage.ts';
import type { JobChange } from '../tui/job-changes.ts';

/** A run as a line of the list. */
export interface RunSummary {
  readonly name: string;
  readonly workflow: string;
  readonly state: JobState;
  readonly submittedAt: string;
  readonly submittedBy: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly variables: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly jobs: { readonly ended: number; readonly all: number };
  /** Why it is unhappy, or what whoever submitted it has said. */
  readonly reason: string | null;
  /** Its jobs' names, for the filter, where that is more than one. */
  readonly jobNames: readonly string[];
  /** Another one as soon as anything of it is another. */
  readonly version: string;
  /** Where it is, if several shared repositories are looked at together. */
  readonly repository?: string;
}

/** A line of the stream that keeps the page up to date: what has changed since the line before. */
export interface FeedLine {
  readonly runs: readonly RunSummary[];
  /** Names of runs that are no longer there. */
  readonly gone: readonly string[];
  /** So many more are in the archive. */
  readonly archived: number;
  readonly runners: number;
  /** When the repository was last read, in milliseconds since 1970; null: not yet. */
  readonly readAt: number | null;
  /** Why it can't be read any more. */
  readonly error: string | null;
}

export interface RunAnswer {
  readonly run: RunView;
  readonly tags: readonly string[];
  /** The values of cells of a matrix, by job. */
  readonly cells: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** When what a job had left in the store was given up, by job. */
  readonly pruned: Readonly<Record<string, string>>;
}

/** What was asked for of a job, and what its record says besides what the run's view does. */
export interface JobAnswer {
  readonly spec: JobFile['spec'] | null;
  readonly record: Pick<RecordFile, 'host' | 'executor' | 'environment' | 'imageDigest' | 'cacheKey'> | null;
}

export interface MetricsAnswer {
  readonly jobs: readonly Measured[];
  /** Of so many lines one is here, by job; left out: all of them. */
  readonly thinned: Readonly<Record<string, number>>;
}

export interface UsageAnswer {
  readonly series: UsageSeries | null;
}

export interface ArtifactLine {
  readonly type: 'file' | 'link' | 'folder';
  readonly path: string;
  /** Bytes of a file. */
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  /** In an export: where the file lies, relative to the page. Null: it was left out. */
  readonly file?: string | null;
}

export interface ArtifactsAnswer {
  readonly entries: readonly ArtifactLine[];
  /** How many there are in all, bytes together. */
  readonly files: number;
  readonly bytes: number;
}

/** The beginning of a file as text; null: it is none. */
export interface TextAnswer {
  readonly text: string | null;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly cut: boolean;
}

export interface CodeAnswer {
  readonly commit: string;
  /** The commit that the snapshot is on top of. */
  readonly base: string | null;
  /** What was not committed, as `git diff` prints it. */
  readonly patch: string;
  readonly cut: boolean;
}

export interface TrialsAnswer {
  readonly trials: readonly Trial[];
}

export interface DiffAnswer {
  readonly files: RunDifferences['files'];
  readonly bases: RunDifferences['bases'];
  readonly jobs: readonly {
    readonly name: string;
    readonly differences: readonly Difference[];
    readonly changes: readonly JobChange[];
  }[];
  readonly patch: string;
  readonly cut: boolean;
}

/** Lines of a log, sanitised, with colours as SGR sequences; each begins with the colours that are in force there. */
export interface LogAnswer {
  readonly lines: readonly string[];
  /** How many there are by now. */
  readonly total: number;
  /** A long log is still being read: there are more of them in a moment. */
  readonly isPart: boolean;
}

/** Lines of a log that are asked for at once. */
export const linesOfPage = 1_000;

/** A failure, for people. */
export interface FailureAnswer {
  readonly error: string;
  readonly hint?: string | undefined;
}
