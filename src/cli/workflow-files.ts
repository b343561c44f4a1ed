import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { decodePath } from '../git/raw-path.ts';
import { listTree } from '../git/trees.ts';
import { readProject } from '../language/check-workflows.ts';
import { projectFiles } from '../language/project-files.ts';
import type { Variables } from '../language/variables.ts';
import type { Workflows } from '../language/workflows.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunCommit } from '../ledger/runs.ts';
import { plainText } from '../terminal-text.ts';
import type { Project } from './project.ts';

export interface WorkflowFiles {
  readonly workflows: Workflows;
  readonly variables: Variables;
}

/** @throws DstackError with everything that is wrong in the files */
export async function readWorkflows(project: Project): Promise<WorkflowFiles> {
  if (project.repository.workTree === null) {
    throw new DstackError(
      'no-work-tree',
      `${project.repository.gitDir} is a bare repository: there are no workflows in it`,
      {
        hint: 'run this in a clone of it',
      },
    );
  }
  const top = project.repository.workTree;
  const inFolder = async (folder: string) =>
    existsSync(join(top, folder))
      ? (await readdir(join(top, folder))).map((name) => `${folder}/${name}`)
      : [];
  const paths = [...(await inFolder('.dstack')), ...(await inFolder('.dstack/workflows'))];
  return parseFiles(paths, (path) => readText(top, path));
}

async function readText(top: string, path: string): Promise<string> {
  try {
    return await readFile(join(top, path), 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw new DstackError('unreadable-file', `${plainText(path)} can't be read: ${reason}`, {
      hint: 'it must be a file that you may read, or not be there',
      cause,
    });
  }
}

/**
 * Those that a run was made from, whose commit is in the local repository.
 * @throws DstackError with everything that this version finds wrong in them
 */
export async function readWorkflowsOf({ shared }: Ledger, run: RunCommit): Promise<WorkflowFiles> {
  const paths = (await listTree(shared.local, run.tree)).map(({ path }) => decodePath(path));
  return parseFiles(paths, async (path) => {
    const blob = await shared.read(`${run.tree}:${path}`);
    return blob?.content.toString('utf8') ?? '';
  });
}

async function parseFiles(
  paths: readonly string[],
  read: (path: string) => Promise<string>,
): Promise<WorkflowFiles> {
  const { workflows, variables } = projectFiles(paths);
  const source = async (path: string) => ({ path, text: await read(path) });
  return readProject(
    await Promise.all(workflows.map(source)),
    variables === null ? null : await source(variables),
  );
}
