import { hostname } from 'node:os';
import type { Logger } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { loadConfig } from '../config/load-config.ts';
import type { Config, ConfigInput } from '../config/settings.ts';
import { DstackError } from '../errors.ts';
import { startWatchdog } from '../executor/watchdog.ts';
import { requireGit } from '../git/git-version.ts';
import { discoverRepository } from '../git/repository.ts';
import { findGitHub } from '../host/github-repository.ts';
import { openLedger } from '../ledger/ledger.ts';
import { checkName } from '../ledger/names.ts';
import { resolveRemote } from '../ledger/shared-repository.ts';
import { openEndHook } from '../runner/end-hook.ts';
import { openExecutors } from '../runner/executors.ts';
import { runnerFolders } from '../runner/folders.ts';
import { succeedFormer } from '../runner/former-instances.ts';
import { listenToRemoteHook } from '../runner/hook-listener.ts';
import { openInputCache, openSetupCache } from '../runner/machine-caches.ts';
import { ownAddress } from '../runner/own-address.ts';
import { ownLedger } from '../runner/own-ledger.ts';
import { openOwnRepositories } from '../runner/own-repositories.ts';
import { startRunner } from '../runner/runner.ts';
import { lockRunner } from '../runner/runner-lock.ts';
import { openSecrets, type Secrets } from '../runner/secrets.ts';
import { openStore } from '../store/open-store.ts';
import { onInterrupt } from './interrupt.ts';
import { objectFormatOf } from './object-format.ts';
import { packageFile } from './package-file.ts';
import { storeLocation } from './project.ts';
import { createRunnerLogger } from './runner-logger.ts';

export interface RunnerStartOptions {
  executor?: 'docker' | 'process';
  concurrency?: number;
  drain?: true;
  once?: true;
  label: Record<string, string>;
  interruptible?: true;
  name?: string;
  poll?: string;
  listen?: string;
}

export async function startRunnerCommand(options: RunnerStartOptions): Promise<void> {
  await requireGit();
  const log = createRunnerLogger();
  const { config, remote, folder } = await runnerConfig(overridesOf(options));
  const { address, path } = await resolveRemote(remote, folder);
  const name = checkName('runner', config.runner.name ?? nameOfMachine());
  const store = openStore(await storeLocation({ config }, remote, folder));
  const folders = runnerFolders(path ?? address, name);
  const unlock = lockRunner(folders.lock, name);
  let hooks: { close(): Promise<void> } | null = null;
  try {
    const objectFormat = await objectFormatOf({ address, path }, folders.ledger);
    const { cache, own } = await openOwnRepositories(folders, objectFormat, log);
    const shared = {
      remote: path ?? address,
      refPrefix: config.refPrefix,
      host: config.host,
      who: () => ({ name: `dstack runner ${name}`, email: `${name}@${hostname()}` }),
    };
    const ledger = ownLedger(await openLedger({ ...shared, local: own }), log);
    const triggers = await openLedger({ ...shared, local: cache });
    const signs = { look: () => {} };
    if (options.listen !== undefined) {
      const { listenForPushes } = await import('./webhooks.ts');
      const look = () => signs.look();
      hooks = await listenForPushes(options.listen, { names: ledger.names, log, look });
    }
    const watchdog = startWatchdog({ watchdogScript: packageFile('watchdog') });
    const executors = await openExecutors({
      requested: config.runner.executor,
      imagesOptional: false,
      watchdog,
      spawner: { script: packageFile('spawner') },
      folder: folders.work,
    });
    if (executors.note) log.warn(executors.note);
    const { concurrency, lease, poll, grace, labels, interruptible, allow } = config.runner;
    const { inputCache: limit, setupCache } = config.runner;
    const secrets = await checkedSecrets(config.runner.secrets, ledger.shared.location, log);
    const repository = path === null ? findGitHub(address, process.env) : null;
    const github = repository
      ? (await import('./github-reporter.ts')).openReporter(repository, {
          ledger,
          log,
          env: process.env,
          folder: folders.reports,
        })
      : null;
    const runner = startRunner({
      ledger,
      store,
      inputCache: openInputCache(folders, store, limit, (message, file) => log.warn({ file }, message)),
      setupCache: openSetupCache(folders, setupCache),
      executors,
      secrets,
      allow,
      cache,
      triggers,
      name,
      version: packageJson.version,
      labels,
      interruptible,
      address: config.runner.address ?? ownAddress(),
      concurrency,
      lease,
      poll,
      grace,
      folder: folders.work,
      succeed: (instance) => succeedFormer(folders.instances, instance, executors.description),
      log,
      endHook: openEndHook(config.runner.onEnd, (problem, job) => log.warn({ job }, problem)),
      onJob: github?.onJob,
      hasChanged: github?.hasChanged,
      until: { kind: options.once ? 'once' : options.drain ? 'drain' : 'told' },
    });
    signs.look = runner.look;
    const hook = listenToRemoteHook(ledger.shared, { log, look: runner.look });
    const interruption = onInterrupt((count, signal) => {
      // Of a machine that is about to go it is a notice: there is no time to finish anything.
      if (count === 1 && !(interruptible && signal === 'SIGTERM')) {
        log.info(
          { signal },
          'finishing what is running, taking no more; a second signal gives it back to the queue',
        );
        runner.drain();
      } else {
        log.info(
          { signal },
          'ending what is running, and giving it back with what it leaves; a further signal does not wait for that',
        );
        runner.leave();
      }
    });
    try {
      const { finished } = await runner.ended;
      log.info({ finished }, 'left in order');
    } finally {
      interruption.release();
      await hook.close();
      await github?.close();
      await executors.close();
      await watchdog.close();
      triggers.close();
      ledger.close();
    }
  } finally {
    await hooks?.close();
    unlock();
  }
}

/** The runner's secrets, each tried once: what can't be read is told at the start, and lacking until it can. */
async function checkedSecrets(
  sources: Config['runner']['secrets'],
  repository: string,
  log: Logger,
): Promise<Secrets> {
  const secrets = openSecrets(sources, repository);
  for (const { error } of await secrets.check()) {
    if (error) log.warn({ hint: error.hint }, error.message);
  }
  return secrets;
}

/** What the command line says of the settings. */
export function overridesOf(options: RunnerStartOptions): ConfigInput {
  const { executor, concurrency, interruptible, name, poll, label } = options;
  return {
    runner: {
      ...(executor === undefined ? {} : { executor }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(interruptible === undefined ? {} : { interruptible }),
      ...(name === undefined ? {} : { name }),
      ...(poll === undefined ? {} : { poll }),
      ...(Object.keys(label).length === 0 ? {} : { labels: label }),
    },
  };
}

/**
 * A runner needs no project: the shared repository can come from the user's own configuration or the environment.
 * @throws DstackError `no-remote`
 */
export async function runnerConfig(
  overrides: ConfigInput,
): Promise<{ config: Config; remote: string; folder: string }> {
  const { config } = await loadConfig({ cwd: process.cwd(), overrides });
  const repository = await discoverRepository(process.cwd()).catch(() => null);
  const folder = repository?.workTree ?? process.cwd();
  if (config.remote !== undefined) return { config, remote: config.remote, folder };
  if (repository) {
    const { address, named } = await resolveRemote('origin', folder);
    if (named) return { config, remote: address, folder };
    if (repository.workTree === null) return { config, remote: repository.gitDir, folder };
  }
  throw new DstackError('no-remote', 'it is not known which shared repository to watch', {
    hint: 'start it in a clone of the project, or set `remote` in ~/.config/dstack/config.yaml, or DSTACK_REMOTE',
  });
}

/** The machine's name as a runner's: lower case, without its domain. */
function nameOfMachine(): string {
  const name = (hostname().split('.')[0] ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '');
  return name.slice(0, 60) || 'runner';
}
