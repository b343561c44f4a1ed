import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';

/** Runs `work` in a new folder, which is gone afterwards. */
export async function inTempFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'dstack-store-')));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Asserts that it fails with that code, with a message that matches and, if a person can do something, a hint. */
export async function assertFails(work: () => unknown, code: string, message: RegExp): Promise<DstackError> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    assert.is(error.code, code);
    assert.match(error.message, message);
    return error;
  }
  throw new Error(`did not fail with ${code}`);
}
