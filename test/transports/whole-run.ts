import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { executable } from '../e2e/cli-support.ts';
import { type Result, type TestProject, until } from '../e2e/project.ts';

export const workflows = `
workflows:
  - {name: make, artifacts: [out], commands: ['echo making', 'mkdir out', 'echo trained > out/model.txt']}
  - {name: use, depends-on: [make], commands: ['cat out/model.txt']}
  - {name: long, commands: ['echo begun', 'sleep 300']}
`;

export interface Participants {
  /** What everybody who submits, reads and stops is told: `DSTACK_REMOTE`, how to log in. */
  readonly user: NodeJS.ProcessEnv;
  /** What the runner is told; the same if not given. */
  readonly runner?: NodeJS.ProcessEnv;
}

let counted = 0;
const nextNumber = (): number => {
  counted += 1;
  return counted;
};

/** A command that must succeed. */
export async function succeeds(
  project: TestProject,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd?: string,
): Promise<Result> {
  const result = await project.dstack(args, { env, ...(cwd ? { cwd } : {}) });
  assert.is(result.exitCode, 0, `dstack ${args.join(' ')}: ${result.stderr}`);
  return result;
}

/** A runner with a home of its own, so that nothing of the user's repository serves it. */
export function startFarRunner(project: TestProject, env: NodeJS.ProcessEnv, args: readonly string[] = []) {
  const name = `far-${nextNumber()}`;
  const home = path.join(project.root, name);
  return project.startRunner(name, ['--executor', 'process', '--concurrency', '2', ...args], {
    DSTACK_STORE: `file:${project.store}`,
    DSTACK_RUNNER_POLL: '200ms',
    ...env,
    HOME: home,
    XDG_CACHE_HOME: `${home}/cache`,
    XDG_CONFIG_HOME: `${home}/config`,
    XDG_STATE_HOME: `${home}/state`,
  });
}

/**
 * What people do, all of it over one transport: a run with a dependency, its log followed, its artifacts fetched into
 * another clone, another run stopped in the middle, the state read, a tag.
 * @returns the names of the two runs
 */
export async function wholeRun(
  project: TestProject,
  { user, runner: runnerEnv = user }: Participants,
): Promise<{ done: string; stopped: string; runnerOutput: string }> {
  const env: NodeJS.ProcessEnv = { DSTACK_STORE: `file:${project.store}`, ...user };
  const run = (args: readonly string[], cwd?: string) => succeeds(project, args, env, cwd);
  const done = (await run(['run', 'use', '--detach', '--no-cache'])).stdout.trim();
  const stopped = (await run(['run', 'long', '--detach', '--no-cache'])).stdout.trim();
  const runner = startFarRunner(project, runnerEnv, ['--drain']);

  const clone = path.join(project.root, `clone-${nextNumber()}`);
  await project.git(['clone', '--quiet', String(env.DSTACK_REMOTE), clone], { cwd: project.root, env });
  try {
    assert.is(await follow(project, `${done}/use`, env, clone), 'trained\n');
    await run(['artifacts', 'download', done, '-o', 'got'], clone);
    assert.is(readFileSync(path.join(clone, 'got/out/model.txt'), 'utf8'), 'trained\n');

    await until('the run to stop to have begun', async () =>
      (await run(['logs', stopped])).stdout.includes('begun'),
    );
    await run(['stop', stopped, '-y']);
    assert.is(await runner.exited, 0, runner.output());
    await run(['tag', done, `kept-${done}`]);

    const status = JSON.parse((await run(['status', '--json'], clone)).stdout) as {
      runs: { name: string; state: string }[];
    };
    const states = Object.fromEntries(status.runs.map(({ name, state }) => [name, state]));
    assert.is(states[done], 'done');
    assert.is(states[stopped], 'stopped');
    await run(['sync'], clone);
    assert.match(await project.git(['log', '--format=%s', 'refs/dstack/runs'], { cwd: clone }), done);
  } finally {
    rmSync(clone, { recursive: true, force: true });
  }
  return { done, stopped, runnerOutput: runner.output() };
}

async function follow(
  project: TestProject,
  what: string,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<string> {
  const child = spawn(process.execPath, [executable, 'logs', '-f', what], {
    cwd,
    env: { ...project.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  let words = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    log += more;
  });
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    words += more;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.is(code, 0, words);
  return log;
}

/** Nothing is left under way. */
export async function assertSettled(project: TestProject, folder = project.shared): Promise<void> {
  const refs = await project.git(
    [
      'for-each-ref',
      '--format=%(refname)',
      ...['queue', 'claims', 'stops'].map((area) => `refs/dstack/${area}`),
    ],
    { cwd: folder },
  );
  assert.is(refs, '');
}

/** Says why tests don't run here, or that the machine lacks what it should have. */
export function skipped(what: string, reason: string): void {
  if (process.env.CI === 'true') throw new Error(`${what}: ${reason}`);
  console.log(`SKIP ${what}: ${reason}`);
}
