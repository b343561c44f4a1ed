import type { Ledger } from './ledger.ts';
import { readJob, readRun } from './runs.ts';
import type { RunView } from './state.ts';

const prefix = 'matrix.';

/** The values of those jobs of a run that are cells of a matrix, by the jobs' names; of what can't be read, none. */
export async function readCells(
  ledger: Ledger,
  run: RunView,
): Promise<Map<string, Readonly<Record<string, string>>>> {
  const cells = new Map<string, Record<string, string>>();
  const jobs = run.jobs.filter(({ name, workflow }) => name !== workflow);
  if (jobs.length === 0) return cells;
  const source = await readRun(ledger, run.name, run.commit);
  if (!source) return cells;
  const specs = await Promise.all(jobs.map(({ name }) => readJob(ledger, source, name)));
  for (const [index, { name }] of jobs.entries()) {
    const values = Object.entries(specs[index]?.spec.variables ?? {}).filter(([variable]) =>
      variable.startsWith(prefix),
    );
    if (values.length === 0) continue;
    cells.set(
      name,
      Object.fromEntries(values.map(([variable, value]) => [variable.slice(prefix.length), value])),
    );
  }
  return cells;
}
