import { type ContentCache, openContentCache } from '../store/content-cache.ts';
import { type KeptFolders, openKeptFolders } from '../store/kept-folders.ts';
import type { Store } from '../store/store.ts';
import type { RunnerFolders } from './folders.ts';

/**
 * What a runner keeps of a store's content, so that jobs get their inputs from its own disk. Undefined: it keeps nothing.
 * @param limit in bytes
 * @param warn hears of damage
 */
export function openInputCache(
  { inputs }: Pick<RunnerFolders, 'inputs'>,
  store: Store,
  limit: number,
  warn: (message: string, file: string) => void,
): ContentCache | undefined {
  return limit === 0 ? undefined : openContentCache({ root: inputs, store: store.location, limit, warn });
}

/**
 * What a runner keeps of what jobs set up. Undefined: it keeps nothing.
 * @param limit in bytes
 */
export function openSetupCache(
  { setup }: Pick<RunnerFolders, 'setup'>,
  limit: number,
): KeptFolders | undefined {
  return limit === 0 ? undefined : openKeptFolders(setup, limit);
}
