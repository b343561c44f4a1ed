import { realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { loadConfig } from '../config/load-config.ts';
import { type HookFile, installHookFile, isHookInstalled, uninstallHookFile } from '../git/hook-file.ts';
import { openRepository, type Repository } from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import { roles, rolesOf } from '../ledger/guard/roles.ts';
import { defaultPrefix } from '../ledger/refs.ts';
import { plainText } from '../terminal-text.ts';
import { packageFile } from './package-file.ts';
import { readRepositorySettings } from './repository-settings.ts';
import { say } from './terminal.ts';

/** Wakes runners, and keeps the history. */
const waker = (): HookFile => ({
  name: 'post-receive',
  source: packageFile('hook'),
  mark: "\n# dstack's post-receive hook ",
  earlier: 'post-receive.before-dstack',
});

/** Judges pushes. */
const guard = (): HookFile => ({
  name: 'pre-receive',
  source: packageFile('guard'),
  mark: "\n# dstack's pre-receive hook ",
  earlier: 'pre-receive.before-dstack',
});

type Installed = Awaited<ReturnType<typeof installHookFile>>;

export async function installHook(path: string, options: { guard?: true }): Promise<void> {
  const repository = await openRepository(path);
  sayInstalled(path, waker(), await setUpHook(repository));
  // Installing again renews what is there.
  if (options.guard || (await isHookInstalled(repository, guard()))) {
    sayInstalled(path, guard(), await setUpGuard(repository));
    await sayRoles(path, repository);
  }
}

/** Who may do what there: a guard for which nobody is named holds nobody back, and one for which somebody is may hold the other hook back. */
async function sayRoles(path: string, { gitDir }: Repository): Promise<void> {
  const { patterns } = await readRepositorySettings(gitDir);
  const who = roles.map((role) => {
    const unnamed = role === 'admin' ? 'nobody' : 'everybody';
    return `${role}: ${plainText(patterns[role].join(' ') || unnamed)}`;
  });
  say(who.join('; '));
  say(`to name who is what: git -C ${path} config --add dstack.guard.submitter USER`);
  const account = userInfo().username;
  const own = rolesOf(account, patterns);
  if (!own.has('runner'))
    say(
      `finished runs are archived by the account that serves this repository, or else by runners: if it is ${account}, it is no runner`,
    );
  if (!own.has('submitter'))
    say(
      `what \`on\` of a workflow starts, the account that serves this repository submits: if it is ${account}, it is no submitter`,
    );
}

function sayInstalled(path: string, { name, earlier }: HookFile, how: Installed): void {
  say(
    how === 'chained'
      ? `${name} installed in ${path}; the hook that was there goes on working, as ${earlier}`
      : `${name} ${how} in ${path}`,
  );
}

/** The hook, and the settings by which a bare repository serves dstack well. */
export async function setUpHook(repository: Repository): Promise<Installed> {
  const how = await installHookFile(repository, waker());
  const settings: [string, string][] = [
    // Protocol 0 hands out an object by its id only with this.
    ['uploadpack.allowAnySHA1InWant', 'true'],
    // A shallow clone can push its snapshots.
    ['receive.shallowUpdate', 'true'],
    ['dstack.command', executable()],
  ];
  const { config } = await loadConfig({ cwd: process.cwd() });
  if (config.refPrefix !== defaultPrefix) settings.push(['dstack.refprefix', config.refPrefix]);
  await configure(repository, settings);
  return how;
}

async function setUpGuard(repository: Repository): Promise<Installed> {
  await configure(repository, [
    // Git itself refuses trees of snapshots that would lead out of their folder,
    ['receive.fsckObjects', 'true'],
    // but not for what old tools have written, harmless, into the history that a snapshot is built on.
    ...['zeroPaddedFilemode', 'badTimezone', 'missingSpaceBeforeDate'].map((name): [string, string] => [
      `receive.fsck.${name}`,
      'ignore',
    ]),
  ]);
  return installHookFile(repository, guard());
}

async function configure(
  { gitDir }: Repository,
  settings: readonly (readonly [string, string])[],
): Promise<void> {
  for (const [key, value] of settings) await git(['config', key, value], { gitDir });
}

export function hasHook(repository: Repository): Promise<boolean> {
  return isHookInstalled(repository, waker());
}

function executable(): string {
  return realpathSync(packageFile('executable'));
}

export async function uninstallHook(path: string): Promise<void> {
  const repository = await openRepository(path);
  // The guard first: without the settings that go with the other one it would let nothing in.
  const guarded = await uninstallHookFile(repository, guard());
  const how = await uninstallHookFile(repository, waker());
  if (guarded === 'absent' && how === 'absent') return say(`there is no hook of dstack's in ${path}`);
  await git(['config', '--unset-all', 'dstack.command'], { gitDir: repository.gitDir }).catch(() => {});
  const restored = [guarded, how].includes('restored');
  say(restored ? `removed from ${path}; the earlier hook is back` : `removed from ${path}`);
}
