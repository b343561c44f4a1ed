import type { Execution, ExecutionSpec } from '../executor/executor.ts';
import type { Allotment } from '../ledger/allotments.ts';
import type { Ending } from './job-outcome.ts';
import type { TimeLimit } from './time-limit.ts';

/** What it is to be one node of several. */
export interface GangPart {
  readonly env: Readonly<Record<string, string>>;
  /** Where the others find it; null: it is not the one of rank 0. */
  readonly rendezvous: NonNullable<ExecutionSpec['rendezvous']> | null;
  /** What its commands are when all of them count: it ends when all have ended. */
  join(own: Execution): Execution;
}

/** What the parts of one execution share: whether and why it is to end, and what is being executed. */
export interface Course {
  readonly ending: Ending;
  lost: boolean;
  /** Out of contact: nothing computes. */
  frozen: boolean;
  /** Its commands have begun: from here on it is an attempt, and may have left something. */
  begun: boolean;
  /** The runner is leaving: nothing is tried for ever. */
  leaving: boolean;
  /** Claims of other jobs from which no result is to be expected. */
  readonly silent: ReadonlySet<string>;
  started(execution: Execution): void;
  /** Its commands begin. */
  begin(): void;
  /** Says that there is no time to save what it leaves. */
  readonly hurry: AbortSignal;
  /** What it has of this machine. */
  readonly allotment: Allotment;
  /** Null: it runs on this runner alone. */
  readonly gang: GangPart | null;
  /** Of the time that its commands may take. */
  readonly limit: TimeLimit;
}
