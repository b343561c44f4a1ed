import { type Measured, type MeasuredReader, openMeasuredReader } from '../ledger/read-measured.ts';
import { isFinal } from '../ledger/state.ts';
import type { LocatedRun } from './open-state.ts';
import { openLedgerStore, type Project } from './project.ts';

/** A run, or a job of it, whose measurements are looked at. */
export interface Source extends LocatedRun {
  readonly reader: MeasuredReader;
}

export async function openSources(project: Project, runs: readonly LocatedRun[]): Promise<Source[]> {
  return Promise.all(
    runs.map(async (located) => {
      const store = await openLedgerStore(project, located.ledger).catch(() => null);
      const readStored = store ? (sha256: string) => store.read(sha256) : null;
      return { ...located, reader: openMeasuredReader(located.ledger, readStored) };
    }),
  );
}

/** Of a run that was named twice, or with one of its jobs, each job once. */
export async function readSources(sources: readonly Source[]): Promise<Measured[]> {
  const found = new Map<string, Measured>();
  for (const { reader, run, job } of sources)
    for (const measured of await reader.read(run, job)) found.set(`${run.name}/${measured.job}`, measured);
  return [...found.values()];
}

export function hasEnded({ run, job }: Pick<Source, 'run' | 'job'>): boolean {
  return job === null ? isFinal(run.state) : run.jobs.every((one) => one.name !== job || isFinal(one.state));
}
