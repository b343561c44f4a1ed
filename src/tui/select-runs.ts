import { isFinal, type LedgerState, type RunView } from '../ledger/state.ts';

export interface RunSelection {
  /** Every run there is, whatever `limit` says. */
  readonly all?: boolean | undefined;
  /** The newest so many runs; by default the newest 20, and every older one that is not finished. */
  readonly limit?: number | undefined;
}

const DEFAULT_LIMIT = 20;

/** Which runs a plain status shows, newest first, and how many it leaves out. */
export function selectRuns(
  state: LedgerState,
  options: RunSelection,
): { runs: readonly RunView[]; hidden: number } {
  const { all, limit } = options;
  const runs = state.runs.filter(
    (run, index) => all || index < (limit ?? DEFAULT_LIMIT) || (limit === undefined && !isFinal(run.state)),
  );
  return { runs, hidden: state.runs.length - runs.length + state.archived };
}
