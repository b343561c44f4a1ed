import type { Execution } from '../executor/executor.ts';
import type { Allotment } from '../ledger/allotments.ts';
import type { Ending } from './job-outcome.ts';
import type { TimeLimit } from './time-limit.ts';

/** What the parts of one execution share: whether and why it is to end, and what is being executed. */
export interface Course {
  readonly ending: Ending;
  lost: boolean;
  /** The runner is leaving: nothing is tried for ever. */
  leaving: boolean;
  /** Claims of other jobs from which no result is to be expected. */
  readonly silent: ReadonlySet<string>;
  started(execution: Execution): void;
  /** What it has of this machine. */
  readonly allotment: Allotment;
  /** Of the time that its commands may take. */
  readonly limit: TimeLimit;
}
