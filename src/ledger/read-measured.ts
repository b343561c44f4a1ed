import type { Ledger } from './ledger.ts';
import type { ReadStored } from './log-chunks.ts';
import type { Measurements } from './measurements.ts';
import { lastOf, readMetrics } from './read-metrics.ts';
import { readCells } from './run-cells.ts';
import type { RunView } from './state.ts';

/** A job and all that it has measured. */
export interface Measured {
  readonly run: string;
  readonly job: string;
  /** The values of a cell of a matrix. */
  readonly matrix: Readonly<Record<string, string>> | null;
  /** The newest value of each name. */
  readonly last: Measurements;
  /** Line by line; empty where the lines are gone. */
  readonly points: readonly Measurements[];
}

/** Reads what jobs of a run have measured, again and again; what hasn't changed is not read twice. */
export interface MeasuredReader {
  /** @param only of this job; null: of all */
  read(run: RunView, only: string | null): Promise<Measured[]>;
}

export function openMeasuredReader(ledger: Ledger, readStored: ReadStored): MeasuredReader {
  const known = new Map<string, { commit: string | null; points: Promise<Measurements[]> }>();
  let cells: ReturnType<typeof readCells> | undefined;
  return {
    async read(run, only) {
      cells ??= readCells(ledger, run);
      const measured: Measured[] = [];
      for (const job of run.jobs) {
        if (only !== null && job.name !== only) continue;
        const before = known.get(job.name);
        const same = before !== undefined && before.commit === job.commit;
        const points = same ? before.points : readMetrics(ledger, job, readStored);
        known.set(job.name, { commit: job.commit, points });
        // Where the lines are gone with the run that made them, the record still has the last values.
        const last = lastOf(await points) ?? job.metrics;
        const matrix = (await cells).get(job.name) ?? null;
        if (last !== null)
          measured.push({ run: run.name, job: job.name, matrix, last, points: await points });
      }
      return measured;
    },
  };
}
