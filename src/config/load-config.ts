import os from 'node:os';
import path from 'node:path';
import type { z } from 'zod';
import { type Found, layerOf } from './layer.ts';
import { readEnvironment } from './read-environment.ts';
import { readFiles } from './read-file.ts';
import type { secretSources } from './secret-source.ts';
import { allSettings, type Config, type ConfigInput, settings } from './settings.ts';

export interface LoadedConfig {
  config: Config;
  /** Where each setting comes from, by dotted key: `FILE:LINE:COLUMN`, a variable's name, `option` or `default`. */
  sources: Readonly<Record<string, string>>;
}

/**
 * The settings in force in a folder, key by key: `overrides` (options of the command line), else environment
 * variables, else the nearest file, else the user's own file, else the default. Relative paths of `store` and
 * `remote` (those that begin with a dot) start from the folder of the file that states them, else from `cwd`.
 * @throws DstackError `bad-config` (usage), `unreadable-config`
 */
export async function loadConfig(options: {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  overrides?: ConfigInput;
  home?: string;
}): Promise<LoadedConfig> {
  const { cwd, env = process.env, overrides = {}, home = os.homedir() } = options;
  const xdg = env.XDG_CONFIG_HOME;
  // The XDG specification says to ignore a relative path.
  const userFolder = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(home, '.config');
  const layers = [
    layerOf(overrides, () => 'option', cwd),
    readEnvironment(env, cwd),
    ...(await readFiles(cwd, userFolder)),
  ];

  const written: ConfigInput = { host: {}, runner: {}, snapshot: {} };
  const sources: Record<string, string> = {};
  for (const { path: keys } of allSettings()) {
    const key = keys.join('.');
    const found = layers.find((layer) => layer.has(key))?.get(key);
    sources[key] = found?.source ?? 'default';
    if (found !== undefined) put(written, keys, absolute(key, found, home));
  }
  return { config: settings.parse(written), sources };
}

function put(target: object, keys: readonly string[], value: unknown): void {
  const [key = '', ...below] = keys;
  const record = target as Record<string, unknown>;
  if (below.length === 0) record[key] = value;
  else put(record[key] as object, below, value);
}

/** Makes a path absolute, since only here it is known where it was written. */
function absolute(key: string, { value, base }: Found, home: string): unknown {
  const resolve = (file: string) => path.resolve(base, file.replace(/^~(?=\/|$)/, home));
  if (key === 'runner.secrets') {
    const sources = Object.entries(value as z.input<typeof secretSources>);
    return Object.fromEntries(
      sources.map(([name, source]) => [
        name,
        'file' in source ? { ...source, file: resolve(source.file) } : source,
      ]),
    );
  }
  if (key === 'runner.onEnd') {
    const [program = '', ...args] = value as string[];
    // One without a folder is looked for in PATH.
    return [program.includes('/') ? resolve(program) : program, ...args];
  }
  if (typeof value !== 'string') return value;
  if (key === 'remote') return /^(\.{1,2}|~)(\/|$)/.test(value) ? resolve(value) : value;
  if (key !== 'store') return value;
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):)?(.*)$/is.exec(value) ?? [];
  if (scheme === undefined) return resolve(rest);
  return scheme.toLowerCase() === 'file' && !rest.startsWith('/') ? `file:${resolve(rest)}` : value;
}
