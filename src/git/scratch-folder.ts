import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import type { Repository } from './repository.ts';
import { git } from './run-git.ts';

/** An empty repository inside the real one's folder, made once; only its refs are ever used. */
export async function scratchFolder(repository: Repository): Promise<string> {
  const scratch = join(repository.commonDir, 'dstack', 'scratch.git');
  if (existsSync(join(scratch, 'HEAD'))) return scratch;
  await makeFolder(join(repository.commonDir, 'dstack'));
  const making = `${scratch}.${randomUUID()}`;
  await git(
    ['init', '--quiet', '--bare', '--template=', `--object-format=${repository.objectFormat}`, making],
    {
      cwd: repository.commonDir,
    },
  );
  try {
    await rename(making, scratch);
  } catch {
    // Another process was first.
    await rm(making, { recursive: true, force: true });
  }
  return scratch;
}
