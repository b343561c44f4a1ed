import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../config/load-config.ts';
import type { Config, ConfigInput } from '../config/settings.ts';
import { writeConfig } from '../config/write-config.ts';
import { DstackError, usageError } from '../errors.ts';
import { requireGit } from '../git/git-version.ts';
import { userIdentity } from '../git/identity.ts';
import {
  discoverRepository,
  initBareRepository,
  openRepository,
  type Repository,
} from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import { type Finding, hostFindings, suggestedLayout } from '../ledger/host-findings.ts';
import { type HostFacts, probeHost } from '../ledger/probe-host.ts';
import { resolveRemote, withoutPassword } from '../ledger/shared-repository.ts';
import { openStore } from '../store/open-store.ts';
import { tryStore } from '../store/try-store.ts';
import { plainText } from '../terminal-text.ts';
import { findingsText } from '../tui/findings-text.ts';
import { hasHook } from './hook.ts';
import { onInterrupt } from './interrupt.ts';
import { remoteOf } from './project.ts';
import { ask, canAsk, hasColour, printJson, say } from './terminal.ts';

interface DoctorOptions {
  megabytes?: number;
  write?: true;
  json?: true;
}

/** `dstack doctor [REMOTE]`: what a Git host allows, what follows from it, and the settings for it. */
export async function doctor(given: string | undefined, options: DoctorOptions): Promise<void> {
  await requireGit();
  const place = await findPlace(given);
  if (options.write && place.file === null)
    throw usageError(
      'no-project',
      'there is no project here to write .dstackrc in',
      'run it in a clone, or without --write',
    );
  const facts = await probe(place, options.megabytes ?? null);
  const findings = [...hostFindings(facts), ...(await ownFindings(place, facts))];
  const usable = facts.prefix !== null && findings.every(({ effect }) => effect !== 'stops');
  const settings = usable ? { ...place.remoteSetting, ...suggestedLayout(facts, place.config) } : {};
  if (!usable) process.exitCode = 1;
  if (!options.json) show(place, facts, findings, usable, settings);
  const written = await writeDown(place, settings, options);
  if (options.json) {
    const { greeting, left } = facts;
    printJson({ remote: place.location, usable, greeting, findings, settings, written, left });
  }
}

/** What is looked at, and from where. */
interface Place {
  readonly config: Config;
  readonly folder: string;
  readonly repository: Repository | null;
  /** For Git. */
  readonly remote: string;
  /** For people. */
  readonly location: string;
  /** Its folder, if it is on this machine. */
  readonly path: string | null;
  /** Where settings go. */
  readonly file: string | null;
  /** For another remote than the one in force. */
  readonly remoteSetting: { remote?: string };
}

async function findPlace(given: string | undefined): Promise<Place> {
  const repository = await discoverRepository(process.cwd()).catch(() => null);
  const folder = repository ? (repository.workTree ?? repository.gitDir) : process.cwd();
  const { config, sources } = await loadConfig({ cwd: process.cwd() });
  const found = repository ? await remoteOf({ repository, config, sources, folder }) : null;
  const inForce = found?.remote ?? config.remote;
  const remote = given ?? inForce;
  if (remote === undefined) {
    throw new DstackError('no-remote', 'it is not known which repository to look at', {
      hint: 'name it: `dstack doctor URL`',
    });
  }
  const { address, path, named } = await resolveRemote(remote, folder);
  if (address.startsWith('-'))
    throw usageError(
      'bad-remote',
      `${plainText(address)} can't be the address of a repository`,
      'addresses begin with no dash',
    );
  const same = inForce !== undefined && (await resolveRemote(inForce, folder)).address === address;
  const location = plainText(withoutPassword(address));
  return {
    config,
    folder,
    repository,
    remote: path ?? (named ? remote : address),
    location,
    path,
    file: repository?.workTree ? join(repository.workTree, '.dstackrc') : null,
    // A password is nothing to be written down, for .dstackrc is part of every snapshot.
    remoteSetting: same || withoutPassword(remote) !== remote ? {} : { remote },
  };
}

async function probe(place: Place, megabytes: number | null): Promise<HostFacts> {
  const scratch = await mkdtemp(join(tmpdir(), 'dstack-doctor-'));
  const abort = new AbortController();
  const interruption = onInterrupt((count) => {
    if (count > 1) process.exit(130);
    say('removing what was created there; a second Ctrl+C leaves it');
    abort.abort();
  });
  let made = 0;
  try {
    return await probeHost({
      remote: place.remote,
      makeRepository: (objectFormat) => {
        made += 1;
        return makeRepository(join(scratch, `${made}.git`), objectFormat, place.repository);
      },
      refPrefix: place.config.refPrefix,
      megabytes,
      who: userIdentity(place.folder),
      signal: abort.signal,
      progress: (what) => {
        if (process.stderr.isTTY) say(`trying: ${what}`);
      },
    });
  } finally {
    interruption.release();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Nothing of the project's own repository is touched, but its settings hold: remotes, credentials, ssh. */
async function makeRepository(
  path: string,
  objectFormat: 'sha1' | 'sha256',
  project: Repository | null,
): Promise<Repository> {
  const { gitDir } = await initBareRepository(path, { objectFormat });
  if (project !== null) {
    await git(['config', 'include.path', join(project.commonDir, 'config')], { gitDir });
    await appendFile(join(gitDir, 'config'), '[core]\n\tbare = true\n');
  }
  return openRepository(path);
}

/** What is not the host's business. */
async function ownFindings({ config, path, repository }: Place, { greeting }: HostFacts): Promise<Finding[]> {
  const findings = await storeFindings(config.store);
  if (greeting !== null && repository !== null && greeting.objectFormat !== repository.objectFormat) {
    findings.push({
      what: `holds ${repository.objectFormat} objects`,
      allowed: false,
      effect: 'stops',
      follows: `can't be used: this project is of another kind than ${greeting.objectFormat}`,
      words: null,
    });
  }
  if (path === null || greeting === null) return findings;
  const installed = await hasHook(await openRepository(path));
  const follows = installed ? 'ok' : `works with polling; a hook wakes at once: dstack hook install ${path}`;
  return [
    ...findings,
    { what: 'hook', allowed: installed, effect: installed ? 'none' : 'limits', follows, words: null },
  ];
}

/** Of a store that is configured. One that doesn't work is no reason to call a host unusable. */
async function storeFindings(location: string | undefined): Promise<Finding[]> {
  if (location === undefined) return [];
  try {
    const follows = await tryStore(openStore(location));
    return [{ what: 'store', allowed: true, effect: 'none', follows, words: null }];
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    const { message: follows, hint: words = null } = error;
    return [{ what: 'store', allowed: false, effect: 'limits', follows, words }];
  }
}

function show(
  { location, file }: Place,
  { failure, left }: HostFacts,
  findings: readonly Finding[],
  usable: boolean,
  settings: ConfigInput,
): void {
  process.stdout.write(`${location}\n\n${findingsText(findings, hasColour(process.stdout))}\n`);
  const unsure = findings.some(({ effect }) => effect === 'unknown');
  if (!usable) process.stdout.write("It can't be used for dstack as it is.\n");
  else if (Object.keys(settings).length === 0)
    process.stdout.write(
      `It works with ${file === null ? 'the settings in force' : 'your settings as they are'}.\n`,
    );
  else process.stdout.write(`It works with these settings in .dstackrc:\n\n${indented(settings)}`);
  if (findings.some(({ what, allowed }) => what === 'store' && allowed === false))
    process.stdout.write("The store can't be used as it is: no job could keep anything there.\n");
  if (usable && unsure)
    process.stdout.write('Not everything could be found out: try again at a quieter time.\n');
  if (failure?.hint) say(`hint: ${failure.hint}`);
  if (left.length > 0)
    say(`left there, since it can't be deleted, and meaning nothing: ${left.map(plainText).join(' ')}`);
}

function indented(settings: ConfigInput): string {
  return stringify(settings).replace(/^/gm, '  ').trimEnd().concat('\n');
}

/** @returns whether the settings are written down */
async function writeDown(
  { file }: Place,
  settings: ConfigInput,
  { write, json }: DoctorOptions,
): Promise<boolean> {
  if (file === null || Object.keys(settings).length === 0) return false;
  if (!write) {
    if (json || !canAsk()) return false;
    const answer = await ask('Write them into .dstackrc? [y/N] ');
    if (answer === null || !/^y(es)?$/i.test(answer)) return false;
  }
  writeConfig(file, settings);
  say('wrote .dstackrc');
  return true;
}
