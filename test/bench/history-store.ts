import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { TestProject } from '../e2e/project.ts';
import { makeHistory, tidy } from './history-maker.ts';
import { keptFolder } from './kept-folder.ts';

/** Gives a project's shared repository, in which nothing was ever run, so many finished runs. */
export async function fillWithHistory(project: TestProject, count: number): Promise<void> {
  const repository = await keptFolder(`history-${count}.git`, async (folder) => {
    execFileSync('git', ['init', '--quiet', '--bare', folder]);
    const own = path.join(folder, 'own');
    await makeHistory(folder, own, { count });
    rmSync(own, { recursive: true, force: true });
    tidy(folder);
  });
  for (const part of ['objects', 'packed-refs'])
    if (existsSync(path.join(repository, part)))
      execFileSync('cp', ['-a', path.join(repository, part), project.shared]);
}
