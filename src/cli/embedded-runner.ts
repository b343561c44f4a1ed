import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { startWatchdog } from '../executor/watchdog.ts';
import { fold } from '../ledger/archive/fold.ts';
import { type Ledger, openLedger } from '../ledger/ledger.ts';
import { openEndHook } from '../runner/end-hook.ts';
import { openExecutors } from '../runner/executors.ts';
import { runnerFolders } from '../runner/folders.ts';
import { openInputCache, openSetupCache } from '../runner/machine-caches.ts';
import { ownAddress } from '../runner/own-address.ts';
import { ownLedger } from '../runner/own-ledger.ts';
import { openOwnRepositories } from '../runner/own-repositories.ts';
import { startRunner } from '../runner/runner.ts';
import { lockRunner } from '../runner/runner-lock.ts';
import { openSecrets } from '../runner/secrets.ts';
import { plainText } from '../terminal-text.ts';
import { packageFile } from './package-file.ts';
import { openLedgerStore, type Project } from './project.ts';
import { say } from './terminal.ts';

/**
 * Executes one run in this process: what `dstack run --local` does instead of waiting for a runner.
 * @param nodes so many runners, for jobs that need several; all of them have this machine
 */
export async function embeddedRunners(
  project: Project,
  ledger: Ledger,
  run: string,
  nodes: number,
  notify: () => void,
): Promise<{ end(): Promise<void> }> {
  const runners: { end(): Promise<void> }[] = [];
  const end = async () => {
    await Promise.all(runners.map((runner) => runner.end()));
  };
  try {
    // One after the other: each takes the first name that is free.
    while (runners.length < nodes) runners.push(await embeddedRunner(project, ledger, run, notify));
  } catch (error) {
    await end();
    throw error;
  }
  return { end };
}

async function embeddedRunner(
  project: Project,
  ledger: Ledger,
  run: string,
  notify: () => void,
): Promise<{ end(): Promise<void> }> {
  const location = ledger.shared.location;
  const { name, unlock } = takeName(location);
  const folders = runnerFolders(location, name);
  const { objectFormat } = project.repository;
  const log = pino({ level: 'silent' });
  const repositories = await openOwnRepositories(folders, objectFormat, log);
  const opened = await openLedger({
    local: repositories.own,
    remote: location,
    refPrefix: ledger.names.prefix,
    who: () => ledger.who,
  });
  const own = ownLedger(opened, log);
  const watchdog = startWatchdog({ watchdogScript: packageFile('watchdog') });
  const executors = await openExecutors({
    requested: project.config.runner.executor,
    imagesOptional: true,
    watchdog,
    spawner: { script: packageFile('spawner') },
    folder: folders.work,
  });
  if (executors.note) say(executors.note);
  const {
    address,
    concurrency,
    lease,
    grace,
    allow,
    inputCache: limit,
    setupCache,
    onEnd,
  } = project.config.runner;
  const store = await openLedgerStore(project, ledger);
  const runner = startRunner({
    ledger: own,
    store,
    inputCache: openInputCache(folders, store, limit, (message, file) =>
      say(`${message}: ${plainText(file)}`),
    ),
    setupCache: openSetupCache(folders, setupCache),
    executors,
    cache: repositories.cache,
    secrets: openSecrets(project.config.runner.secrets, location),
    allow,
    name,
    version: packageJson.version,
    labels: {},
    address: address ?? ownAddress(),
    concurrency,
    lease,
    poll: 1_000,
    grace,
    folder: folders.work,
    log,
    until: { kind: 'run', run },
    endHook: openEndHook(onEnd, (problem, job) => say(`${plainText(job)}: ${problem}`)),
    onChange: notify,
  });
  // This is the only runner that is ever here, and not for long.
  const folded = fold(own).catch(() => 0);
  const ended = runner.ended.then(
    () => {},
    (error: unknown) => say(`the runner in this process has ended: ${(error as Error).message}`),
  );
  return {
    async end() {
      runner.drain();
      await ended;
      await folded;
      await executors.close();
      await watchdog.close();
      own.close();
      // Nobody would ever find the cache of a name that was made up.
      if (name !== usualName) rmSync(dirname(folders.lock), { recursive: true, force: true, maxRetries: 3 });
      unlock();
    },
  };
}

const usualName = 'local';
/** How many names this process has made up. */
let madeUp = 0;

/** `local`, so that the next run finds the object cache; another name while that one is in use. */
function takeName(location: string): { name: string; unlock: () => void } {
  try {
    return { name: usualName, unlock: lockRunner(runnerFolders(location, usualName).lock, usualName) };
  } catch {
    madeUp += 1;
    const name = `local-${process.pid}${madeUp > 1 ? `-${madeUp}` : ''}`;
    return { name, unlock: lockRunner(runnerFolders(location, name).lock, name) };
  }
}
