import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processesWith } from '../harness/leftovers.ts';

const executable = (name: string) => fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url));

export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a command runs, what it sees besides the project's own environment, and what it reads. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** A runner as a process of its own. */
export interface RunnerProcess {
  readonly name: string;
  readonly pid: number;
  /** What it has said so far, on standard error. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
}

/** A project in a temporary folder with a shared bare repository and its hook; nothing of the user's is seen. */
export interface TestProject {
  /** Everything lies below it. */
  readonly root: string;
  /** The work tree: `<root>/project`. */
  readonly folder: string;
  /** The shared repository: `<root>/shared.git`. */
  readonly shared: string;
  /** Where artifacts go by default: `<root>/shared.store`. */
  readonly store: string;
  readonly env: NodeJS.ProcessEnv;
  /** Writes files below the work tree. */
  write(files: Readonly<Record<string, string>>): void;
  /** Runs the built `dstack` to its end, in the work tree. A failure is a value. */
  dstack(args: readonly string[], options?: CommandOptions): Promise<Result>;
  /** Runs Git to its end, in the shared repository unless told otherwise; its output without the last newline. */
  git(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** `dstack run --detach …`; returns the run's name. */
  submit(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Starts the built `dstack-runner`; it is killed at the latest by `remove`. */
  startRunner(name: string, args?: readonly string[], env?: NodeJS.ProcessEnv): RunnerProcess;
  /** Names of the refs below `refs/dstack/<area>`, without that prefix. */
  refs(area: string): Promise<string[]>;
  /** The record of a finished job once it is there, as parsed JSON. */
  record(
    run: string,
    job: string,
  ): Promise<Record<string, unknown> & { state: string; reason: string | null }>;
  /** The job's log as its note says it, without the heading, once it is there. */
  log(run: string, job: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * @param workflows the text of `.dstack/workflows.yaml`, or what makes it from the project's root folder
 * @param more variables for whatever is called
 * @param place the folder that it is made in
 */
export async function createProject(
  workflows: string | ((root: string) => string),
  more: NodeJS.ProcessEnv = {},
  place = tmpdir(),
): Promise<TestProject> {
  // The real path: a job's own idea of where it is must compare equal.
  const root = realpathSync(mkdtempSync(path.join(place, 'e2e-')));
  const [folder, shared, home] = ['project', 'shared.git', 'home'].map((name) => path.join(root, name)) as [
    string,
    string,
    string,
  ];
  const env = { ...isolatedEnvironment(home), ...more };
  const runners: { child: ChildProcess; exited: Promise<unknown> }[] = [];
  mkdirSync(folder);
  mkdirSync(home);

  const project: TestProject = {
    root,
    folder,
    shared,
    store: path.join(root, 'shared.store'),
    env,
    write(files) {
      for (const [name, text] of Object.entries(files)) {
        const file = path.join(folder, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
    },
    dstack: (args, options = {}) =>
      execute([process.execPath, executable('dstack'), ...args], {
        cwd: folder,
        ...options,
        env: { ...env, ...options.env },
      }),
    async git(args, options = {}) {
      const settings = { cwd: shared, ...options, env: { ...env, ...options.env } };
      const { exitCode, stdout, stderr } = await execute(['git', ...args], settings);
      if (exitCode !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
      return stdout.replace(/\n$/, '');
    },
    async submit(args, options) {
      const { exitCode, stdout, stderr } = await project.dstack(['run', '--detach', ...args], options);
      if (exitCode !== 0) throw new Error(`dstack run ${args.join(' ')}: ${stderr}`);
      return stdout.trim();
    },
    startRunner(name, args = [], extra = {}) {
      const child = spawn(process.execPath, [executable('dstack-runner'), '--name', name, ...args], {
        cwd: folder,
        env: { ...env, ...extra },
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
      });
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      const exited = new Promise<number | NodeJS.Signals>((resolve) =>
        child.once('close', (code, signal) => resolve(code ?? (signal as NodeJS.Signals))),
      );
      runners.push({ child, exited });
      return {
        name,
        pid: child.pid as number,
        output: () => text,
        kill: (signal) => void child.kill(signal),
        exited,
      };
    },
    async refs(area) {
      const prefix = `refs/dstack/${area}/`;
      const text = await project.git(['for-each-ref', '--format=%(refname)', prefix]);
      return text.split('\n').flatMap((ref) => (ref === '' ? [] : [ref.slice(prefix.length)]));
    },
    async record(run, job) {
      const ref = `refs/dstack/jobs/${run}/${job}`;
      await until(`the record of ${run}/${job}`, () => project.git(['rev-parse', '--verify', '-q', ref]));
      return JSON.parse(await project.git(['show', `${ref}:record.json`]));
    },
    async log(run, job) {
      const notes = `refs/notes/dstack/${run}/${job}`;
      const show = () => project.git(['notes', `--ref=${notes}`, 'show', `refs/dstack/runs/${run}`]);
      const note = await until(`the log of ${run}/${job}`, show);
      return note.split('\n\n').slice(1).join('\n\n');
    },
    async remove() {
      for (const { child } of runners) child.kill('SIGKILL');
      await Promise.all(runners.map(({ exited }) => exited));
      // A hook's sync goes on behind the push that began it; watchdogs end what killed runners left.
      const syncs = path.join(shared, 'dstack', 'sync.lock');
      await until('the end of the sync', () => !existsSync(syncs));
      // Whatever is just ending may write what it keeps for the next start; what does not end is reported as left.
      await until('the end of all', () => processesWith('HOME', home).length === 0, 10_000).catch(() => {});
      await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };

  await project.git(['init', '--quiet', '--initial-branch=main', folder], { cwd: root });
  const text = typeof workflows === 'string' ? workflows : workflows(root);
  project.write({ '.dstack/workflows.yaml': text, 'README.md': 'a project\n' });
  const made = await project.dstack(['init', '--create', shared]);
  if (made.exitCode !== 0) throw new Error(made.stderr);
  // The history that the hook keeps costs a process per push; a test that looks at it sets this again.
  await project.git(['config', '--unset', 'dstack.command']);
  // All that dstack does must pass the guard: guarded.slow.test.ts runs other tests once more, with it.
  if (process.env.DSTACK_TEST_GUARD) await guard(project);
  await project.git(['add', '.'], { cwd: folder });
  await project.git(['commit', '--quiet', '-m', 'begin'], { cwd: folder });
  return project;
}

async function guard({ root, shared, dstack, git }: TestProject): Promise<void> {
  const installed = await dstack(['hook', 'install', '--guard', shared]);
  if (installed.exitCode !== 0) throw new Error(installed.stderr);
  const command = path.join(root, 'guard-only');
  const script = `#!/bin/sh\n[ "$1" = sync ] || exec '${process.execPath}' '${executable('dstack')}' "$@"\n`;
  writeFileSync(command, script, { mode: 0o755 });
  await git(['config', 'dstack.command', command]);
}

function isolatedEnvironment(home: string): NodeJS.ProcessEnv {
  const foreign = /^(GIT_|DSTACK_|XDG_|NODE_V8_COVERAGE$|NO_COLOR$|FORCE_COLOR$)/;
  const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const identity = { NAME: 'Ann', EMAIL: 'ann@example.org' };
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_CONFIG_HOME: path.join(home, 'config'),
    XDG_STATE_HOME: path.join(home, 'state'),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: identity.NAME,
    GIT_AUTHOR_EMAIL: identity.EMAIL,
    GIT_COMMITTER_NAME: identity.NAME,
    GIT_COMMITTER_EMAIL: identity.EMAIL,
  };
}

/** Runs a program to its end; a failure is a value. */
function execute(command: readonly string[], options: CommandOptions): Promise<Result> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const settings = { cwd: options.cwd, env: options.env, encoding: 'utf8', maxBuffer: 1 << 30 } as const;
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
      resolve({ exitCode, stdout, stderr });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/**
 * Waits until `probe` gives something truthy, taking its exceptions for a no; never a measure of speed:
 * the limit is only there so that a test that hangs says at what.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  limitMs = 120_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  let problem: unknown;
  while (performance.now() < end) {
    try {
      const value = await probe();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      problem = error;
    }
    await sleep(50);
  }
  throw new Error(`waited in vain for ${what}${problem ? `: ${(problem as Error).message}` : ''}`);
}

/** Runs a test's body with a project of its own, and removes that whatever happens. */
export function withProject(
  workflows: string | ((root: string) => string),
  body: (project: TestProject) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const project = await createProject(workflows);
    try {
      await body(project);
    } finally {
      await project.remove();
    }
  };
}

/** The lines of a file that jobs append to; none while there is no such file. */
export function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}
