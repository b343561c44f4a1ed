import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Ending } from './outcome.ts';

/** The only variables of the caller's that a test sees. */
const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'TERM', 'TZ', 'USER', 'LOGNAME', 'SHELL', 'CI', 'DOCKER_HOST'];

/** The environment of a test file: its own home and temporary folder, nothing of the user's settings. */
export function testEnvironment(home: string, tmp: string, coverage: string | undefined): NodeJS.ProcessEnv {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    TMPDIR: tmp,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    ...(coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }),
  };
}

const running = new Set<number>();

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Kills the groups of all test files that are running; for the end of the runner itself. */
export function killRunning(): void {
  for (const pid of running) killGroup(pid);
}

/**
 * Runs one test file in a process group of its own. What it prints goes to a file: a stray child that keeps a pipe
 * open could hold up the runner.
 * @param folder an empty folder; `tmp`, `home` and `output` are made in it
 */
export async function runFile(
  root: string,
  file: string,
  options: { folder: string; limitMs: number; coverage: string | undefined },
): Promise<Ending> {
  const tmp = path.join(options.folder, 'tmp');
  const home = path.join(options.folder, 'home');
  const outputFile = path.join(options.folder, 'output');
  mkdirSync(tmp, { recursive: true });
  mkdirSync(home);
  const output = openSync(outputFile, 'a');
  const started = performance.now();
  const preload = [
    '--import',
    'tsx',
    ...(options.coverage ? ['--import', './test/harness/own-coverage.mjs'] : []),
  ];
  const child = spawn(process.execPath, [...preload, file], {
    cwd: root,
    env: testEnvironment(home, tmp, options.coverage),
    stdio: ['ignore', output, output],
    detached: true,
  });
  closeSync(output);
  const pid = child.pid;
  if (pid !== undefined) running.add(pid);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (pid !== undefined) killGroup(pid);
  }, options.limitMs);
  const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('error', () => resolve([127, null]));
    child.once('exit', (...ending) => resolve(ending));
  });
  clearTimeout(timer);
  if (pid !== undefined) running.delete(pid);
  const seconds = (performance.now() - started) / 1000;
  return { output: readFileSync(outputFile, 'utf8'), exitCode, signal, timedOut, seconds };
}
