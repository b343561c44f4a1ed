import { userInfo } from 'node:os';
import { openRepository } from '../git/repository.ts';
import { openRepositoryConfig } from '../git/repository-config.ts';
import { tidyUp } from '../git/tidy-up.ts';
import { usualLimits } from '../ledger/archive/choose-runs.ts';
import { fold } from '../ledger/archive/fold.ts';
import { openArchive } from '../ledger/archive/read-archive.ts';
import { pusher, rolesOf } from '../ledger/guard/roles.ts';
import { updateHistory } from '../ledger/history.ts';
import { type Ledger, openLedger } from '../ledger/ledger.ts';
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
  const state = mergeStates(await Promise.all(ledgers.map((ledger) => openStateReader(ledger).readLive())));
  const archives = await Promise.all(ledgers.map(archiveAt));
  const changed = await updateHistory(project.repository, prefix, state.runs, archives);
  const counts = await Promise.all(archives.map(({ archive, tips }) => archive.count(tips)));
  for (const ledger of ledgers) ledger.close();
  const runs = counts.reduce((sum, count) => sum + count, state.runs.length);
  return { runs, changed, ref: refNames(prefix).area('runs') };
}

/** Read after the live runs: what leaves them has come there before. */
async function archiveAt({ shared, names }: Ledger) {
  const archive = openArchive(shared, names);
  return { archive, tips: await archive.tips() };
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
  const { prefix: refPrefix, patterns } = await readRepositorySettings(repository.gitDir);
  const ledger = await openLedger({ local: repository, remote: repository.gitDir, refPrefix });
  // Nobody comes back to this process: what another one was cut off from is carried out at once.
  const watch = watchTriggers(ledger, { patience: 0 });
  const lookOnce = () => watch.look().catch((error: unknown) => ({ failed: [{ error }], dueIn: 0 }));
  let look = await lookOnce();
  // Of a thousand branches not all are dealt with at once.
  while (look.failed.length === 0 && look.dueIn === 0) look = await lookOnce();
  const reader = openStateReader(ledger);
  // Where a guard would refuse that, each time anew, it is left to a runner.
  if (rolesOf(pusher(process.env, userInfo().username), patterns).has('runner'))
    await fold(ledger, usualLimits, reader);
  await fetchHistory(ledger);
  const state = await reader.readLive();
  await updateHistory(repository, ledger.names.prefix, state.runs, [await archiveAt(ledger)]);
  ledger.close();
  // Of what comes by pushes nobody else packs what no ref leads to any more.
  await tidyUp(repository, await openRepositoryConfig(repository)());
  const [failure] = look.failed;
  if (failure) throw failure.error;
}
