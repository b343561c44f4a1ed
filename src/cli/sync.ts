import { openRepository } from '../git/repository.ts';
import { updateHistory } from '../ledger/history.ts';
import { openLedger } from '../ledger/ledger.ts';
import { openStateReader } from '../ledger/read-state.ts';
import { refNames } from '../ledger/refs.ts';
import { fetchHistory, ownNames } from '../ledger/sync.ts';
import { watchTriggers } from '../ledger/triggers/watch-triggers.ts';
import { mergeStates } from './open-state.ts';
import { openLedgers, openProject, type Project } from './project.ts';
import { readRepositorySettings } from './repository-settings.ts';
import { plural, say } from './terminal.ts';

/**
 * Fetches the history of every ledger of a project, and rebuilds what `git log refs/dstack/runs` shows.
 * @returns how many runs there are, how many of them are new or changed, and by which name Git shows them
 */
export async function syncHistory(project: Project): Promise<{ runs: number; changed: number; ref: string }> {
  const ledgers = await openLedgers(project);
  for (const ledger of ledgers) await fetchHistory(ledger);
  const [first] = ledgers;
  const { prefix } = first ? ownNames(first) : refNames();
  const state = mergeStates(await Promise.all(ledgers.map((ledger) => openStateReader(ledger).read())));
  const changed = await updateHistory(project.repository, prefix, state.runs);
  for (const ledger of ledgers) ledger.close();
  return { runs: state.runs.length, changed, ref: refNames(prefix).area('runs') };
}

export async function sync(options: { bare?: true; push?: true }): Promise<void> {
  if (options.bare) return syncBare();
  const project = await openProject();
  if (options.push) await (await import('./send-local-runs.ts')).sendLocalRuns(project);
  const { runs, changed, ref } = await syncHistory(project);
  say(`${plural(runs, 'run')}, ${changed} of them new or changed; read them with: git log ${ref}`);
}

/** In the shared repository itself, whose hook calls this after pushes: submits what they start, then the history. */
async function syncBare(): Promise<void> {
  const repository = await openRepository(process.cwd());
  const { prefix: refPrefix } = await readRepositorySettings(repository.gitDir);
  const ledger = await openLedger({ local: repository, remote: repository.gitDir, refPrefix });
  // Nobody comes back to this process: what another one was cut off from is carried out at once.
  const watch = watchTriggers(ledger, { patience: 0 });
  const lookOnce = () => watch.look().catch((error: unknown) => ({ failed: [{ error }], dueIn: 0 }));
  let look = await lookOnce();
  // Of a thousand branches not all are dealt with at once.
  while (look.failed.length === 0 && look.dueIn === 0) look = await lookOnce();
  await fetchHistory(ledger);
  const state = await openStateReader(ledger).read();
  await updateHistory(repository, ledger.names.prefix, state.runs);
  ledger.close();
  const [failure] = look.failed;
  if (failure) throw failure.error;
}
