import type { Ledger } from './ledger.ts';
import { listRuns, readJob } from './runs.ts';
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
  const source = (await listRuns(ledger)).find(({ commit }) => commit === run.commit);
  if (!source) return cells;
  for (const { name } of jobs) {
    const job = await readJob(ledger, source, name);
    const values = Object.entries(job?.spec.variables ?? {}).filter(([variable]) =>
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
