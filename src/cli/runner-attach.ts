import { hostname } from 'node:os';
import { DstackError } from '../errors.ts';
import { runInContainer, type Seat, shellOfImage } from '../executor/container-shell.ts';
import { connectDocker } from '../executor/docker-connection.ts';
import { containersHere, type JobHere, processesHere } from '../executor/jobs-here.ts';
import { runBesideProcess } from '../executor/process-shell.ts';
import { jobName } from '../ledger/refs.ts';
import { isFinal, type JobView, type RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { locateRun, openProjectState } from './open-state.ts';
import { openProject } from './project.ts';
import { say } from './terminal.ts';

/**
 * `dstack runner attach RUN/JOB`: a shell, or a program, in a job that runs on this machine. It needs no repository
 * but to say why there is no such job here.
 */
export async function attach(text: string, command: readonly string[]): Promise<void> {
  const { jobs, problem } = await jobsHere();
  const found = chooseJob(jobs, text) ?? (await chooseByRepository(jobs, text, problem));
  const name = nameOf(found);
  const { at } = found;
  if (at.kind === 'container' && at.frozen) {
    throw new DstackError('job-frozen', `${name} is frozen: its runner can't reach the repository`, {
      hint: 'it goes on once that answers again: try again then',
    });
  }
  const exitCode =
    at.kind === 'container'
      ? await inContainer(at.id, command)
      : await runBesideProcess(at, command, process.env);
  // The cursor stands behind a prompt.
  if (exitCode === null) say(`${process.stdout.isTTY ? '\n' : ''}${name} has ended`);
  process.exitCode = exitCode ?? 1;
}

/** @returns `problem`: why there may be more of them than can be seen */
async function jobsHere(): Promise<{ jobs: JobHere[]; problem: DstackError | null }> {
  const processes = await processesHere();
  try {
    return { jobs: [...processes, ...(await containersHere(connectDocker().docker))], problem: null };
  } catch (error) {
    if (!(error instanceof DstackError)) throw error;
    return { jobs: processes, problem: error };
  }
}

/**
 * The job of this machine that somebody means who writes `RUN/JOB`, or `RUN` if only one of its jobs runs here; of a
 * run the beginning is enough. Pure.
 * @throws DstackError `ambiguous-job`
 */
export function chooseJob(jobs: readonly JobHere[], text: string): JobHere | null {
  const [said = '', ...rest] = text.split('/');
  const job = rest.length > 0 ? rest.join('/') : null;
  if (said === '') return null;
  const ofJob = jobs.filter((one) => job === null || one.job === job);
  const exact = ofJob.filter((one) => one.run === said);
  const meant = exact.length > 0 ? exact : ofJob.filter((one) => one.run.startsWith(said));
  const newest = new Map<string, JobHere>();
  for (const one of meant) {
    const known = newest.get(nameOf(one));
    if (!known || known.attempt < one.attempt) newest.set(nameOf(one), one);
  }
  const [only, ...others] = [...newest.values()];
  if (only === undefined || others.length === 0) return only ?? null;
  throw new DstackError(
    'ambiguous-job',
    `${JSON.stringify(plainText(text))} can be any of ${newest.size} jobs`,
    {
      hint: `write which: ${listed([...newest.keys()])}`,
    },
  );
}

/** By a tag, say; or the reason why it can't be had. */
async function chooseByRepository(
  jobs: readonly JobHere[],
  text: string,
  problem: DstackError | null,
): Promise<JobHere> {
  const project = await openProject().catch(() => null);
  if (!project) throw notHere(text, jobs, problem);
  const { run, job } = await locateRun(project, text);
  const found = chooseJob(
    jobs.filter((one) => one.run === run.name),
    job === null ? run.name : `${run.name}/${job}`,
  );
  if (found) return found;
  const { read } = await openProjectState(project);
  const { runners } = await read();
  const hosts = new Map(runners.map((runner) => [runner.name, runner.host]));
  throw whyNot(run, job, hosts, problem);
}

function notHere(text: string, jobs: readonly JobHere[], problem: DstackError | null): DstackError {
  const name = JSON.stringify(plainText(text));
  const here = [...new Set(jobs.map(nameOf))];
  return new DstackError('job-not-here', `no job ${name} runs on this machine${because(problem)}`, {
    hint:
      here.length > 0
        ? `here run: ${listed(here)}`
        : 'in a clone of the project `dstack status` says where it runs',
    cause: problem ?? undefined,
  });
}

/** Why a job that the repository knows can't be entered here. Pure. */
export function whyNot(
  run: RunView,
  job: string | null,
  hosts: ReadonlyMap<string, string>,
  problem: DstackError | null,
): DstackError {
  const meant = run.jobs.filter((one) => job === null || one.name === job);
  const live = meant.filter((one) => one.state === 'running');
  const [one] = live;
  if (one && live.length > 1) {
    return new DstackError('ambiguous-job', `${run.name} has ${live.length} jobs that run`, {
      hint: `write which: ${listed(live.map(viewName))}`,
    });
  }
  if (one) return elsewhere(one, hosts, problem);
  const last = meant.find((view) => !isFinal(view.state)) ?? meant.at(-1);
  const name = plainText(last && (job !== null || meant.length === 1) ? viewName(last) : run.name);
  if (!last || isFinal(last.state)) {
    return new DstackError(
      'job-not-running',
      `${name} has ended: ${job === null ? run.state : last?.state}`,
      {
        hint: `dstack logs ${name}`,
      },
    );
  }
  const doing = last.state === 'submitted' ? 'has not begun' : `is not running: ${last.state}`;
  const reason = last.reason === null ? '' : `: ${plainText(last.reason)}`;
  return new DstackError('job-not-running', `${plainText(viewName(last))} ${doing}${reason}`, {
    hint: 'there is something to enter once its commands run',
  });
}

function elsewhere(
  view: JobView,
  hosts: ReadonlyMap<string, string>,
  problem: DstackError | null,
): DstackError {
  const name = plainText(viewName(view));
  const runner = plainText(view.runner ?? '');
  const host = hosts.get(view.runner ?? '');
  if (host === undefined || host === hostname()) {
    const why = because(problem) || ": it is another user's, or that of another Docker";
    return new DstackError('job-not-here', `${name} runs on ${runner}, but can't be seen here${why}`, {
      hint: `call this on the machine of ${runner}, as the user that it runs as`,
      cause: problem ?? undefined,
    });
  }
  const there = plainText(host);
  return new DstackError('job-elsewhere', `${name} runs on ${runner}, on the machine ${there}`, {
    hint: `ssh -t ${there} dstack runner attach ${name}`,
  });
}

function because(problem: DstackError | null): string {
  return problem === null ? '' : ` (${problem.message})`;
}

async function inContainer(id: string, command: readonly string[]): Promise<number | null> {
  const { stdin, stdout, stderr } = process;
  const onTerminal = stdin.isTTY && stdout.isTTY;
  const left = new AbortController();
  const seat: Seat = {
    left: left.signal,
    stdin,
    stdout,
    stderr,
    terminal: onTerminal
      ? {
          type: process.env.TERM || 'xterm',
          size: () => ({ columns: stdout.columns, rows: stdout.rows }),
          onResize(listener) {
            stdout.on('resize', listener);
            return () => stdout.off('resize', listener);
          },
        }
      : null,
  };
  const giveBack = () => {
    if (onTerminal && !left.signal.aborted) stdin.setRawMode(false);
  };
  let leftBy: NodeJS.Signals | null = null;
  // A window that is closed takes along what runs in it.
  const leave = (signal: NodeJS.Signals) => {
    if (leftBy === null) giveBack();
    leftBy = signal;
    left.abort();
  };
  // There may be no terminal any more to write to.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  process.on('SIGHUP', leave).on('SIGTERM', leave).on('exit', giveBack);
  // Every key is the container's, Ctrl+C among them.
  if (onTerminal) stdin.setRawMode(true);
  try {
    const exitCode = await runInContainer(
      connectDocker().docker,
      id,
      command.length > 0 ? command : shellOfImage,
      seat,
    );
    if (leftBy !== null) process.exit(leftBy === 'SIGHUP' ? 129 : 143);
    return exitCode;
  } finally {
    giveBack();
    process.off('SIGHUP', leave).off('SIGTERM', leave).off('exit', giveBack);
    // What is typed from now on is another's.
    stdin.pause();
    if ('unref' in stdin) stdin.unref(); // A file has none.
  }
}

const nameOf = ({ run, job }: JobHere): string => jobName({ run, job });
const viewName = ({ run, name }: JobView): string => jobName({ run, job: name });

function listed(names: readonly string[]): string {
  const some = names.slice(0, 5).map(plainText).join(', ');
  return names.length > 5 ? `${some}, …` : some;
}
