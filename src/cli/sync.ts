import { loadConfig } from '../config/load-config.ts';
import { openRepository } from '../git/repository.ts';
import { updateHistory } from '../ledger/history.ts';
import { openLedger } from '../ledger/ledger.ts';
import { openStateReader } from '../ledger/read-state.ts';
import { refNames } from '../ledger/refs.ts';
import { fetchHistory } from '../ledger/sync.ts';
import { mergeStates } from './open-state.ts';
import { openLedgers, openProject, type Project } from './project.ts';
import { plural, say } from './terminal.ts';

/** Fetches the history of every ledger of a project, and rebuilds what `git log refs/dstack/runs` shows. */
export async function syncHistory(project: Project): Promise<{ runs: number; changed: number }> {
  const ledgers = await openLedgers(project);
  for (const ledger of ledgers) await fetchHistory(ledger);
  const state = mergeStates(await Promise.all(ledgers.map((ledger) => openStateReader(ledger).read())));
  const changed = await updateHistory(project.repository, project.config.refPrefix, state.runs);
  for (const ledger of ledgers) ledger.close();
  return { runs: state.runs.length, changed };
}

export async function sync(options: { bare?: true }): Promise<void> {
  if (options.bare) return syncBare();
  const project = await openProject();
  const { runs, changed } = await syncHistory(project);
  const ref = refNames(project.config.refPrefix).area('runs');
  say(`${plural(runs, 'run')}, ${changed} of them new or changed; read them with: git log ${ref}`);
}

/** In the shared repository itself, whose hook calls this after pushes. */
async function syncBare(): Promise<void> {
  const repository = await openRepository(process.cwd());
  const { config } = await loadConfig({ cwd: process.cwd() });
  const ledger = await openLedger({
    local: repository,
    remote: repository.gitDir,
    refPrefix: config.refPrefix,
  });
  const state = await openStateReader(ledger).read();
  await updateHistory(repository, config.refPrefix, state.runs);
  ledger.close();
}
