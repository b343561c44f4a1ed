import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/settings.ts';
import { createDockerExecutor } from '../executor/docker-executor.ts';
import { createProcessExecutor } from '../executor/process-executor.ts';
import { requireGit } from '../git/git-version.ts';
import {
  discoverRepository,
  initBareRepository,
  openRepository,
  type Repository,
} from '../git/repository.ts';
import { findStaleLocks, gitProcessesIn, removeStaleLocks, staleAfter } from '../git/stale-locks.ts';
import { type Ledger, openLedger } from '../ledger/ledger.ts';
import { mirrors } from '../ledger/refs.ts';
import { resolveRemote } from '../ledger/shared-repository.ts';
import { tryToWrite } from '../ledger/try-to-write.ts';
import { inputsFolder, setupFolder } from '../runner/folders.ts';
import { describeSource } from '../runner/read-secret.ts';
import { openSecrets } from '../runner/secrets.ts';
import { keptBytes } from '../store/cache-room.ts';
import { listKept } from '../store/kept-folders.ts';
import { openStore } from '../store/open-store.ts';
import { tryStore } from '../store/try-store.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { checkMachine } from './check-machine.ts';
import { attempt, type Check, checkLine } from './checks.ts';
import { objectFormatOf } from './object-format.ts';
import { storeLocation } from './project.ts';
import { runnerConfig } from './runner-start.ts';
import { printJson } from './terminal.ts';

/** `dstack runner check`: one line for each thing a runner needs, with the remedy. */
export async function checkRunner(options: { fix?: true; json?: true }): Promise<void> {
  const checks: Check[] = [await attempt('git', async () => `Git ${await requireGit()}`)];
  const docker = createDockerExecutor();
  const containers = await docker.check();
  await docker.close();
  // Without Docker a runner still takes the jobs that need no image.
  checks.push({ what: 'docker', ...containers, ok: containers.ok ? true : null });
  const processes = createProcessExecutor();
  checks.push({ what: 'process', ...(await processes.check()) });
  await processes.close();
  checks.push(...(await checkMachine(containers.ok)));
  checks.push(...(await checkRepository(options.fix ?? false)));
  if (options.json) printJson(checks);
  else for (const check of checks) process.stdout.write(checkLine(check));
  if (checks.some(({ ok }) => ok === false)) process.exitCode = 1;
}

async function checkRepository(fix: boolean): Promise<Check[]> {
  let where: Where | null = null;
  const answers = await attempt('repository', async () => {
    where = await runnerConfig({});
    return withLedger(where, async ({ shared, names }) => {
      const { size } = await shared.list([names.area('queue')]);
      return `${shared.location}: answers, ${size} unfinished ${size === 1 ? 'job' : 'jobs'}`;
    });
  });
  if (where === null) return [answers];
  const { config, remote, folder } = where as Where;
  const { path } = await resolveRemote(remote, folder);
  const places = [
    ...(path !== null && answers.ok ? [{ repository: await openRepository(path) }] : []),
    ...(await ownPlaces(folder)),
  ];
  // First of all: a lock would be in the way of the push.
  const locks = places.length > 0 ? [await checkLocks(places, fix)] : [];
  const writes = await attempt('push', () =>
    withLedger(where as Where, async (ledger) => {
      await tryToWrite(ledger);
      return 'a ref can be pushed, and deleted again';
    }),
  );
  const store = await attempt('store', async () =>
    tryStore(openStore(await storeLocation({ config }, remote, folder))),
  );
  const inputs = await checkInputs(config.runner.inputCache);
  const setup = await checkSetup(config.runner.setupCache);
  const secrets = answers.ok ? await withLedger(where, (ledger) => checkSecrets(config, ledger)) : [];
  return [answers, ...locks, ...(answers.ok ? [writes] : []), store, inputs, setup, ...secrets];
}

/** What is kept on this disk of what jobs need. */
async function checkInputs(limit: number): Promise<Check> {
  if (limit === 0) return { what: 'inputs', ok: null, detail: 'none are kept here: runner.inputCache is 0' };
  const folder = inputsFolder();
  const kept = async () => formatBytes(await keptBytes(folder));
  return attempt(
    'inputs',
    async () => `${await kept()} of at most ${formatBytes(limit)} in ${plainText(folder)}`,
  );
}

/** What is kept on this disk of what jobs set up. */
async function checkSetup(limit: number): Promise<Check> {
  if (limit === 0) return { what: 'setup', ok: null, detail: 'none is kept here: runner.setupCache is 0' };
  const folder = setupFolder();
  const kept = async () => formatBytes((await listKept(folder)).reduce((sum, { size }) => sum + size, 0));
  return attempt(
    'setup',
    async () => `${await kept()} of at most ${formatBytes(limit)} in ${plainText(folder)}`,
  );
}

/** Only those that this repository may be given. */
async function checkSecrets({ runner }: Config, { shared }: Ledger): Promise<Check[]> {
  const checks = await openSecrets(runner.secrets, shared.location).check();
  return checks.map(({ name, source, error }) => ({
    what: 'secret',
    ok: error === null,
    detail: error?.message ?? `${name}: ${plainText(describeSource(source))}`,
    remedy: error?.hint,
  }));
}

type Where = Awaited<ReturnType<typeof runnerConfig>>;

/** Opens the shared repository from a repository that is gone afterwards. */
async function withLedger<T>(
  { remote, folder, config }: Where,
  act: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), 'dstack-check-'));
  try {
    // By its address: a remote's name means nothing in there.
    const { address, path } = await resolveRemote(remote, folder);
    const objectFormat = await objectFormatOf({ address, path });
    const local = await initBareRepository(join(scratch, 'objects.git'), { objectFormat });
    const { refPrefix, host } = config;
    const ledger = await openLedger({ local, remote: address, refPrefix, host, folder });
    try {
      return await act(ledger);
    } finally {
      ledger.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What of one's own repository is dstack's. */
async function ownPlaces(folder: string): Promise<LockPlace[]> {
  const repository = await discoverRepository(folder).catch(() => null);
  const below = [mirrors, 'dstack/scratch.git', 'dstack/local.git'];
  return repository ? [{ repository, below: below.map((part) => `${part}/**/*.lock`) }] : [];
}

interface LockPlace {
  repository: Repository;
  /** Only what matches; everything if not given. */
  below?: string[];
}

/** Old lock files are removed on demand, but for those that a Git process which is at work there may hold. */
async function checkLocks(places: readonly LockPlace[], fix: boolean): Promise<Check> {
  const said: string[] = [];
  let ok = true;
  for (const { repository, below } of places) {
    const stale = await findStaleLocks(repository, below ? { below } : {});
    if (stale.length === 0) continue;
    const names = stale.map(plainText).join(', ');
    // What began later doesn't hold them: where runners try to push again and again, Git is always at work.
    const busy = await gitProcessesIn(repository, Date.now() - staleAfter * 1000);
    if (busy.length > 0) {
      said.push(`old, but Git is at work there (process ${busy.join(', ')}): ${names}`);
    } else if (fix) {
      await removeStaleLocks(stale);
      said.push(`removed: ${names}`);
      continue;
    } else {
      said.push(`left by a killed Git: ${names}`);
    }
    ok = false;
  }
  return {
    what: 'locks',
    ok,
    detail: said.join('; ') || 'no stale lock files',
    remedy: 'dstack runner check --fix removes them, once no Git process that may hold them is at work there',
  };
}
