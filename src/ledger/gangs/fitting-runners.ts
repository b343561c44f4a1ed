import type { JobSpec } from '../../language/job-spec.ts';
import { parseFile, type RunnerFile, runnerSchema } from '../formats.ts';
import type { Ledger } from '../ledger.ts';
import { readFile } from '../live.ts';
import { misfit } from '../misfit.ts';

/**
 * Tells how many runners there are, by their cards, that a job fits and that take jobs: where there are fewer than it
 * needs nodes, nobody need offer himself.
 */
export function openFittingRunners(ledger: Ledger): (specs: readonly JobSpec[]) => Promise<number[]> {
  const { shared, names } = ledger;
  let known = new Map<string, RunnerFile | null>();
  return async (specs) => {
    const refs = await shared.list([names.area('runners')]);
    const next = new Map<string, RunnerFile | null>();
    for (const commit of refs.values()) {
      const read = async () =>
        parseFile(runnerSchema, 'runner.json', await readFile(ledger, commit, 'runner.json'));
      next.set(commit, known.get(commit) ?? (await read().catch(() => null)));
    }
    known = next;
    const cards = [...known.values()].filter((card) => card !== null && !card.draining);
    return specs.map((spec) => cards.filter((card) => card && misfit(spec, card) === null).length);
  };
}
