import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import type { Project } from './project.ts';

const start = 'passing-';
const day = 24 * 60 * 60_000;

/**
 * A new folder in the clone, for files on their way from one store to another; the caller removes it. One that a killed
 * process has left is removed the day after.
 */
export async function openPassingFolder(project: Project): Promise<string> {
  const parent = join(project.repository.commonDir, 'dstack');
  await makeFolder(parent);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(start)) continue;
    const old = join(parent, name);
    const { mtimeMs } = await stat(old).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - day) await rm(old, { recursive: true, force: true });
  }
  return mkdtemp(join(parent, start));
}
