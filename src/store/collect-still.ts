import { realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { type Collected, type CollectOptions, storeFound } from './collect-artifacts.ts';
import { isSame, type Stillness } from './stillness.ts';
import { stoppableStore } from './stoppable-store.ts';
import type { Store } from './store.ts';
import { type Walked, walkArtifacts } from './walk-artifacts.ts';

/** What has changed within this time may be half written; milliseconds. */
const settlesIn = 1_000;
/** So often it is waited for. */
const mostWaits = 10;
/** So often is begun anew what somebody has written to meanwhile. */
const mostTries = 10;

export interface StillOptions extends CollectOptions {
  /** Of this workspace, since it was looked at first. */
  stillness: Stillness;
  signal: AbortSignal;
}

/**
 * Like `collectArtifacts`, of a workspace in which a job is at work: puts into the store what there was at one moment, as
 * a loss of power would have left it, and one at which nothing seemed to be half written. So whoever writes a file under
 * another name and then renames it finds it whole. Of what is appended to all the time there is what it had then.
 * @throws DstackError `file-changed` if there was no such moment; what `collectArtifacts` throws; the signal's reason
 */
export async function collectStill(
  root: string,
  paths: readonly string[],
  store: Store,
  { stillness, signal, ...options }: StillOptions,
): Promise<Collected> {
  const workspace = await realpath(root);
  const stoppable = stoppableStore(store, signal);
  let problem: unknown;
  for (let tries = 0; tries < mostTries; tries += 1) {
    const { growing, ...walked } = await whenSettled(workspace, paths, stillness, signal);
    try {
      // A second look right after the first: what is the same in both was there at once in between.
      if (!isSame(walked.found, (await walkArtifacts(workspace, paths)).found, growing)) continue;
      return await storeFound(workspace, walked, stoppable, options, true);
    } catch (error) {
      if (!hasChanged(error)) throw error;
      problem = error;
    }
  }
  throw problem ?? neverStill(paths);
}

async function whenSettled(
  workspace: string,
  paths: readonly string[],
  stillness: Stillness,
  signal: AbortSignal,
): Promise<Walked & { growing: ReadonlySet<string> }> {
  let changing: readonly string[] = paths;
  for (let waits = 0; waits <= mostWaits; waits += 1) {
    if (waits > 0) await sleep(settlesIn, undefined, { signal });
    try {
      const walked = await walkArtifacts(workspace, paths);
      const seen = stillness.look(walked.found, performance.now());
      changing = seen.changing;
      if (changing.length > 0) continue;
      const found = walked.found.map((one) =>
        one.type === 'file' && seen.growing.has(one.path) ? { ...one, grows: true as const } : one,
      );
      return { ...walked, found, growing: seen.growing };
    } catch (error) {
      if (!hasChanged(error)) throw error;
    }
  }
  throw neverStill(changing);
}

function hasChanged(error: unknown): boolean {
  return error instanceof DstackError && error.code === 'file-changed';
}

function neverStill(paths: readonly string[]): DstackError {
  const [first = '', ...others] = paths;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  return new DstackError('file-changed', `${plainText(first)}${more} would not keep still`, {
    hint: 'write a file under another name and rename it once it is whole; keep what is written to all the time elsewhere',
  });
}
