import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProject, type TestProject, until } from '../e2e/project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { bin } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  bin: Record<'dstack' | 'dstack-runner', string>;
};

/** What people start when they type `dstack`. */
export const dstack = path.join(root, bin.dstack);

/** Those that are there. */
const projects = new Set<TestProject>();

/** Ends the runners of all projects, and removes these: for a bench that is told to end in the middle. */
export async function removeProjects(): Promise<void> {
  await Promise.allSettled([...projects].map((project) => project.remove()));
  projects.clear();
}

/**
 * A project as `dstack init --create` leaves it: with the hook, and with the history that the hook keeps.
 * @param place the folder that it is made in, if not that for temporary files
 */
export async function benchProject(
  workflows: string,
  env: NodeJS.ProcessEnv = {},
  place?: string,
): Promise<TestProject> {
  const project = await createProject(workflows, env, place);
  projects.add(project);
  await project.git(['config', 'dstack.command', dstack]);
  return project;
}

/** Runs a body with such a project, and removes that whatever happens. */
export async function withBenchProject<T>(
  workflows: string,
  body: (project: TestProject) => Promise<T>,
): Promise<T> {
  const project = await benchProject(workflows);
  try {
    return await body(project);
  } finally {
    await project.remove();
    projects.delete(project);
  }
}

/** Waits until what a push has started in the background is over, so that it slows nothing down that is measured next. */
export async function quiet({ shared }: Pick<TestProject, 'shared'>): Promise<void> {
  await until('the end of the sync', () => !existsSync(path.join(shared, 'dstack', 'sync.lock')));
}

export interface CommandPlace {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs a program to its end. @returns milliseconds. @throws Error unless it ends well */
export function timed(command: readonly string[], { cwd, env }: CommandPlace): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const from = performance.now();
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (more: string) => {
      words += more;
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      const took = performance.now() - from;
      if (code === 0) resolve(took);
      else reject(new Error(`${command.join(' ')} ended with ${code}: ${words}`));
    });
  });
}

/** `dstack …` in the project's work tree; milliseconds. */
export function timedDstack(project: TestProject, ...args: string[]): Promise<number> {
  return timed([dstack, ...args], { cwd: project.folder, env: project.env });
}
