import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestProject } from '../e2e/project.ts';

const perFolder = 100;

/**
 * Commits so many files of about a kilobyte in the project's work tree, a hundred in each folder below `data/`, and
 * sends them to the shared repository as its main branch, as in a project that has been worked on for a while.
 */
export async function commitFiles(project: TestProject, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const folder = path.join(project.folder, 'data', String(Math.floor(index / perFolder)));
    if (index % perFolder === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, String(index % perFolder)), randomBytes(500).toString('hex'));
  }
  const inWorkTree = { cwd: project.folder };
  // What Git does on its own accord behind a commit would slow down what is measured.
  await project.git(['config', 'gc.auto', '0'], inWorkTree);
  await project.git(['add', '--all'], inWorkTree);
  await project.git(['commit', '--quiet', '-m', 'files'], inWorkTree);
  await project.git(['gc', '--quiet'], inWorkTree);
  await project.git(['push', '--quiet', '../shared.git', 'main'], inWorkTree);
  // A file as young as the index has to be read again by whoever compares; that of old projects hasn't.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await project.git(['update-index', '--refresh', '--force-write-index'], inWorkTree);
}
