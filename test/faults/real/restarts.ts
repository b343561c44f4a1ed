import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { globSync } from 'tinyglobby';
import { createProject, linesOf, type RunnerProcess, type TestProject, until } from '../../e2e/project.ts';
import { containersOf } from './faults.ts';
import { locksIn } from './janitor.ts';
import { workFolders } from './leftovers.ts';
import { processesWith, signal } from './processes.ts';

/** What there is of a runner's on this machine and in the shared repository. */
export type Inventory = Readonly<Record<string, number>>;

export interface RestartReport {
  readonly cycles: number;
  /** What was left when all runners had gone. */
  readonly left: Inventory;
  readonly jobs: number;
  /** Jobs without an outcome, attempts that were begun twice, runners that did not leave in order. */
  readonly violations: readonly string[];
  readonly seconds: number;
}

/** How many jobs a run has: each is killed three times, and then given up. */
const jobsPerRun = 20;
const attemptsPerJob = 3;
/** Nobody can wait for that: a runner that starts again has to take over what it had. */
const lease = { DSTACK_RUNNER_LEASE: '1h' };

/**
 * So many times: a runner starts, executes a job, is killed by SIGKILL, and starts again under its name. Some runners at
 * once, each on jobs of its own. At the end they leave in order, and everything must be gone.
 */
export async function restart(options: {
  cycles: number;
  parallel: number;
  docker: boolean;
  note?: (text: string) => void;
}): Promise<RestartReport> {
  const started = performance.now();
  const { cycles, parallel, note = () => {} } = options;
  const image = options.docker ? 'image: dstack-test/busybox, ' : '';
  // A container can't write into the ledger of attempts: then the claims tell.
  const project = await createProject((root) => {
    const jobs = Array.from({ length: jobsPerRun }, (_, index) => {
      const begin = options.docker ? 'echo begun' : `echo "$JOB_ID $DSTACK_ATTEMPT" >> "${root}/begun"`;
      return `  - {name: job-${index}, ${image}commands: ['${begin}', 'sleep 1000']}`;
    });
    const names = Array.from({ length: jobsPerRun }, (_, index) => `job-${index}`).join(', ');
    return `workflows:\n${jobs.join('\n')}\n  - {name: all, depends-on: {workflows: [${names}]}, commands: [echo never]}\n`;
  });
  const names = Array.from({ length: parallel }, (_, index) => `restarted-${process.pid}-${index + 1}`);
  const violations: string[] = [];
  const runs: string[] = [];
  let done = 0;
  try {
    const needed = Math.ceil(cycles / attemptsPerJob + parallel + 1);
    for (let jobs = 0; jobs < needed; jobs += jobsPerRun)
      runs.push(await project.submit(['all', '--no-cache']));
    const live = async (name: string) => {
      let claimed = '';
      while (done < cycles) {
        done += 1;
        const runner = project.startRunner(name, ['--poll', '500ms'], lease);
        claimed = await until(`a job on ${name}: ${runner.output()}`, () =>
          jobBegun(project, runner, claimed, options.docker),
        ).catch((error: unknown) => {
          violations.push(`${(error as Error).message}; it said ${runner.output()}`);
          return claimed;
        });
        runner.kill('SIGKILL');
        await runner.exited;
        if (violations.length > 3) return;
        if (done % 50 === 0)
          note(`${done} cycles; ${JSON.stringify(inventoryOfMachine(project, names, options.docker))}`);
      }
    };
    await Promise.all(names.map(live));
    // They stop what is left in order, and leave.
    const last = names.map((name) => project.startRunner(name, ['--poll', '500ms'], lease));
    for (const run of runs) {
      const stopped = await project.dstack(['stop', run, '--abort', '--yes']);
      if (stopped.exitCode !== 0) violations.push(stopped.stderr);
    }
    for (const runner of last) {
      runner.kill('SIGTERM');
      const how = await runner.exited;
      if (how !== 0) violations.push(`${runner.name} did not leave in order (${how}): ${runner.output()}`);
    }
    const begun = linesOf(path.join(project.root, 'begun'));
    if (new Set(begun).size < begun.length) violations.push('an attempt was begun twice');
    const jobs = (await project.refs('jobs')).length;
    if (jobs !== runs.length * (jobsPerRun + 1))
      violations.push(`${runs.length * (jobsPerRun + 1) - jobs} jobs have no outcome`);
    const left = await settledInventory(project, names, options.docker);
    const seconds = Math.round((performance.now() - started) / 1000);
    return { cycles: done, left, jobs, violations, seconds };
  } finally {
    await project.remove();
  }
}

/** The job and attempt that this runner executes by now, another one than before. */
async function jobBegun(
  project: TestProject,
  runner: RunnerProcess,
  before: string,
  docker: boolean,
): Promise<string | null> {
  const claimed = runner.output().match(/"job":"([^"]+)","attempt":(\d+),"msg":"claimed"/);
  if (!claimed) return null;
  const now = `${claimed[1]} ${claimed[2]}`;
  if (now === before) throw new Error(`it executes ${now} again`);
  if (!docker) return linesOf(path.join(project.root, 'begun')).includes(now) ? now : null;
  return containersOf([runner.name]).length > 0 ? now : null;
}

/** Counts of what must not grow. */
function inventoryOfMachine(project: TestProject, names: readonly string[], docker: boolean): Inventory {
  const home = String(project.env.HOME);
  const caches = path.join(home, 'cache', 'dstack');
  const processes = processesWith(`HOME=${home}`).filter(({ command }) => !/dstack-runner/.test(command));
  const files = globSync('**/*', { cwd: caches, dot: true, followSymbolicLinks: false });
  return {
    // Watchdogs, jobs, Git.
    processes: processes.length,
    containers: docker ? containersOf(names).length : 0,
    'work folders': workFolders(home).length,
    "files in the runners' folders": files.filter((name) => !/\.git\/objects\//.test(name)).length,
    objects: files.filter((name) => /\.git\/objects\/(..\/|pack\/)/.test(name)).length,
    'lock files': files.filter((name) => name.endsWith('.lock')).length + locksIn(project.shared).length,
  };
}

async function settledInventory(
  project: TestProject,
  names: readonly string[],
  docker: boolean,
): Promise<Inventory> {
  const refs: Record<string, number> = {};
  for (const area of ['queue', 'claims', 'stops', 'runners']) refs[area] = (await project.refs(area)).length;
  const count = () => inventoryOfMachine(project, names, docker);
  await until('the end of what is just ending', () => count().processes === 0, 15_000).catch(() => {});
  return { ...count(), ...refs };
}

/** A runner's file descriptors and memory while it executes job after job. */
export interface EnduranceReport {
  readonly jobs: number;
  /** At some points in time; the first after it has warmed up. */
  readonly samples: readonly { jobs: number; descriptors: number; megabytes: number }[];
}

/** One runner, `jobs` jobs: what it holds must not grow with them. */
export async function endure(jobs: number): Promise<EnduranceReport> {
  const each = 25;
  const project = await createProject(
    `workflows:\n${Array.from({ length: each }, (_, index) => `  - {name: job-${index}, artifacts: [out-${index}], commands: ['echo $JOB_ID | tee out-${index}']}`).join('\n')}\n` +
      `  - {name: all, depends-on: {workflows: [${Array.from({ length: each }, (_, index) => `job-${index}`).join(', ')}]}, commands: [echo all]}\n`,
  );
  try {
    const runner = project.startRunner(`enduring-${process.pid}`, ['--poll', '500ms', '--concurrency', '2']);
    const samples: { jobs: number; descriptors: number; megabytes: number }[] = [];
    for (let ended = 0; ended < jobs; ended += each + 1) {
      await project.submit(['all', '--no-cache']);
      await until('the end of a run', async () => (await project.refs('jobs')).length >= ended + each + 1);
      await until('the end of settling', async () => (await project.refs('claims')).length === 0);
      samples.push({ jobs: ended + each + 1, ...heldBy(runner.pid) });
    }
    signal(runner.pid, 'SIGTERM');
    await runner.exited;
    return { jobs: samples.at(-1)?.jobs ?? 0, samples };
  } finally {
    await project.remove();
  }
}

function heldBy(pid: number): { descriptors: number; megabytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, megabytes: Math.round(kilobytes / 1024) };
}
