import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load-config.ts';
import type { Config, ConfigInput } from '../config/settings.ts';
import { DstackError } from '../errors.ts';
import { userIdentity } from '../git/identity.ts';
import { discoverRepository, initBareRepository, type Repository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../ledger/ledger.ts';
import { resolveRemote, withoutPassword } from '../ledger/shared-repository.ts';

/** The repository that a command is run in, with its settings. */
export interface Project {
  readonly repository: Repository;
  readonly config: Config;
  /** Where each setting comes from. */
  readonly sources: Readonly<Record<string, string>>;
  /** What relative paths are relative to: the top of the work tree. */
  readonly folder: string;
  /** Shared repositories to look at, all together, instead of its own. */
  readonly remotes?: readonly string[] | undefined;
}

/** @throws DstackError `not-a-repository`, `bad-config` */
export async function openProject(overrides: ConfigInput = {}): Promise<Project> {
  const repository = await discoverRepository(process.cwd());
  const folder = repository.workTree ?? repository.gitDir;
  const { config, sources } = await loadConfig({ cwd: process.cwd(), overrides });
  return { repository, config, sources, folder };
}

/** The project's own shared repository, for `dstack run --local`: inside its Git folder. */
export function localLedgerPath(project: Project): string {
  return join(project.repository.commonDir, 'dstack', 'local.git');
}

/** The remote in force: configured, or `origin` if there is one, or null. */
export async function remoteOf(project: Project): Promise<{ remote: string; configured: boolean } | null> {
  if (project.config.remote !== undefined) return { remote: project.config.remote, configured: true };
  const origin = await runGit(['remote', 'get-url', 'origin'], { cwd: project.folder });
  if (origin.exitCode === 0) return { remote: 'origin', configured: false };
  // A bare repository in which dstack is at home is its own shared repository.
  return project.repository.workTree === null
    ? { remote: project.repository.gitDir, configured: true }
    : null;
}

/** @throws DstackError `no-remote` */
export async function openRemoteLedger(project: Project): Promise<Ledger> {
  const found = await remoteOf(project);
  if (!found) {
    throw new DstackError('no-remote', 'this project has no shared repository', {
      hint: 'make one: `dstack init --create PATH`; name one: `dstack init --remote URL`; or do without: `dstack run NAME --local`',
    });
  }
  return openLedgerAt(project, found.remote);
}

/** @param create make it if it isn't there */
export async function openLocalLedger(project: Project, create: boolean): Promise<Ledger | null> {
  const path = localLedgerPath(project);
  if (!existsSync(join(path, 'HEAD'))) {
    if (!create) return null;
    await initBareRepository(path, { objectFormat: project.repository.objectFormat });
  }
  // No host has a say in it: its refs are where they are by default.
  return openLedgerAt(project, path, {});
}

/**
 * The shared ledger, or that of `dstack run --local`.
 * @throws DstackError `no-local-runs`
 */
export async function openChosenLedger(project: Project, local: boolean | undefined): Promise<Ledger> {
  if (!local) return openRemoteLedger(project);
  const ledger = await openLocalLedger(project, false);
  if (ledger) return ledger;
  throw new DstackError('no-local-runs', 'there are no runs of `dstack run --local` here', {
    hint: 'without --local it is about those of the shared repository',
  });
}

/** The ledger in the shared repository at a remote. */
export async function openLedgerAt(
  project: Project,
  remote: string,
  layout: Pick<LedgerOptions, 'refPrefix' | 'host'> = project.config,
): Promise<Ledger> {
  return openLedger({
    local: project.repository,
    remote,
    refPrefix: layout.refPrefix,
    host: layout.host,
    folder: project.folder,
    who: () => whoIn(project),
  });
}

const identities = new WeakMap<Project, Ledger['who']>();

/** The user's name and address as Git would write them here, asked for once. */
function whoIn(project: Project): Ledger['who'] {
  const known = identities.get(project) ?? userIdentity(project.folder);
  identities.set(project, known);
  return known;
}

/**
 * Every ledger that a project's runs can be in: the shared repository's, and that of `--local` runs.
 * @throws DstackError `no-remote` if there is neither
 */
export async function openLedgers(project: Project): Promise<Ledger[]> {
  const opening = openLocalLedger(project, false);
  // What is wrong with the shared repository comes first.
  opening.catch(() => {});
  const remote =
    (await remoteOf(project)) === null && (await opening) ? [] : [await openRemoteLedger(project)];
  const local = await opening;
  return local ? [...remote, local] : remote;
}

/**
 * Where artifacts are: as configured, otherwise a folder beside the shared repository if that is on this machine.
 * @throws DstackError `no-store`
 */
export async function storeLocation(
  project: Pick<Project, 'config'>,
  remote: string,
  folder: string,
): Promise<string> {
  const { path, address } = await resolveRemote(remote, folder);
  if (project.config.store !== undefined) return project.config.store;
  if (path !== null) return `${path.replace(/\/+$/, '').replace(/\.git$/, '')}.store`;
  throw new DstackError(
    'no-store',
    `it is not known where the artifacts of ${withoutPassword(address)} are kept`,
    {
      hint: 'say so in .dstackrc, for example `store: file:/mnt/shared/dstack-store`',
    },
  );
}

/** The store of a ledger. That of `--local` runs is beside them, whatever is configured. @throws DstackError `no-store` */
export async function openLedgerStore(project: Project, { shared }: Ledger) {
  const { openStore } = await import('../store/open-store.ts');
  const isLocal = shared.path === localLedgerPath(project);
  const location = isLocal
    ? shared.path.replace(/\.git$/, '.store')
    : await storeLocation(project, shared.remote, project.folder);
  return openStore(location);
}
