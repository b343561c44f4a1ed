import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { greet } from '../git/probe-remote.ts';
import { initBareRepository, openRepository, type Repository } from '../git/repository.ts';

/**
 * Of which kind the objects of a shared repository are. One that does not answer is taken for what `before` is, a
 * repository that was made to go with it.
 * @param path its folder, if it is on this machine
 * @throws DstackError `not-a-repository` if there is none in that folder
 */
export async function objectFormatOf(
  { address, path }: { address: string; path: string | null },
  before?: string,
): Promise<Repository['objectFormat']> {
  if (path !== null) return (await openRepository(path)).objectFormat;
  const scratch = await mkdtemp(join(tmpdir(), 'dstack-greet-'));
  try {
    const greeted = await greet(await initBareRepository(join(scratch, 'empty.git')), address);
    if ('greeting' in greeted) return greeted.greeting.objectFormat;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const known = before === undefined ? null : await openRepository(before).catch(() => null);
  return known?.objectFormat ?? 'sha1';
}
