import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import type { Project } from './project.ts';

/** A run, and where it goes. */
interface Sending {
  /** The shared repository, as it calls itself. */
  readonly repository: string;
  readonly prefix: string;
  readonly name: string;
  readonly commit: string;
}

/**
 * Marks of a clone, on runs that may be in a shared repository although what is to be done there afterwards has not been:
 * whoever is killed in between must find out the next time.
 */
export function halfSent(project: Project) {
  const folder = join(project.repository.commonDir, 'dstack', 'half-sent');
  const pathOf = ({ repository, prefix, commit }: Sending) => {
    const key = createHash('sha256').update([repository, prefix, commit].join('\0')).digest('hex');
    return join(folder, key.slice(0, 24));
  };
  return {
    has: (run: Sending): boolean => existsSync(pathOf(run)),
    /** It survives a power cut: the run does, too. */
    async add(run: Sending): Promise<void> {
      await makeFolder(folder);
      const file = await open(pathOf(run), 'w');
      try {
        await file.writeFile(`${run.name}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    remove: (run: Sending): Promise<void> => rm(pathOf(run), { force: true }),
  };
}
