import { realpathSync } from 'node:fs';
import { loadConfig } from '../config/load-config.ts';
import { type HookFile, installHookFile, isHookInstalled, uninstallHookFile } from '../git/hook-file.ts';
import { openRepository, type Repository } from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import { defaultPrefix } from '../ledger/refs.ts';
import { packageFile } from './package-file.ts';
import { say } from './terminal.ts';

const hookFile = (): HookFile => ({
  name: 'post-receive',
  source: packageFile('hook'),
  mark: "\n# dstack's post-receive hook ",
  earlier: 'post-receive.before-dstack',
});

export async function installHook(path: string): Promise<void> {
  const repository = await openRepository(path);
  const how = await setUpHook(repository);
  say(
    how === 'chained'
      ? `installed in ${path}; the hook that was there goes on working, as post-receive.before-dstack`
      : `${how} in ${path}`,
  );
}

/** The hook, and the settings by which a bare repository serves dstack well. */
export async function setUpHook(repository: Repository): Promise<'installed' | 'renewed' | 'chained'> {
  const how = await installHookFile(repository, hookFile());
  const settings: [string, string][] = [
    // Protocol 0 hands out an object by its id only with this.
    ['uploadpack.allowAnySHA1InWant', 'true'],
    // A shallow clone can push its snapshots.
    ['receive.shallowUpdate', 'true'],
    ['dstack.command', executable()],
  ];
  const { config } = await loadConfig({ cwd: process.cwd() });
  if (config.refPrefix !== defaultPrefix) settings.push(['dstack.refprefix', config.refPrefix]);
  for (const [key, value] of settings) await git(['config', key, value], { gitDir: repository.gitDir });
  return how;
}

export function hasHook(repository: Repository): Promise<boolean> {
  return isHookInstalled(repository, hookFile());
}

function executable(): string {
  return realpathSync(packageFile('executable'));
}

export async function uninstallHook(path: string): Promise<void> {
  const repository = await openRepository(path);
  const how = await uninstallHookFile(repository, hookFile());
  if (how !== 'absent')
    await git(['config', '--unset-all', 'dstack.command'], { gitDir: repository.gitDir }).catch(() => {});
  say(
    how === 'absent'
      ? `there is no hook of dstack's in ${path}`
      : how === 'restored'
        ? `removed from ${path}; the earlier hook is back`
        : `removed from ${path}`,
  );
}
