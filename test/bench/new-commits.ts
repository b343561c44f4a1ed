import type { TestProject } from '../e2e/project.ts';

/** Commits without files in the project's work tree, each another one, to be pushed by somebody. @returns their ids */
export async function newCommits(project: TestProject, count: number): Promise<string[]> {
  const inWorkTree = { cwd: project.folder };
  const tree = await project.git(['mktree'], { ...inWorkTree, input: '' });
  const commits: string[] = [];
  for (let index = 0; index < count; index += 1) {
    drawn += 1;
    commits.push(await project.git(['commit-tree', tree, '-m', `commit ${drawn}`], inWorkTree));
  }
  return commits;
}

let drawn = 0;
