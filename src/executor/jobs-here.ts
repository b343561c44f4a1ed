import { readlink } from 'node:fs/promises';
import type Docker from 'dockerode';
import { identityLabels } from './container.ts';
import { answerOf } from './docker-client.ts';
import { identityVariables } from './job-environment.ts';
import { environmentsWith, hasProc } from './process-table.ts';

/** A job that runs on this machine, whichever runner has it. */
export interface JobHere {
  readonly run: string;
  readonly job: string;
  readonly attempt: number;
  readonly at: JobContainer | JobProcess;
}

export interface JobContainer {
  readonly kind: 'container';
  readonly id: string;
  /** Its runner has paused it, being out of contact. */
  readonly frozen: boolean;
}

export interface JobProcess {
  readonly kind: 'process';
  /** Its shell. */
  readonly pid: number;
  /** See `startOf`. */
  readonly start: string;
  /** What its shell was given, but for what it is known by as the job's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
}

/**
 * The jobs that run in this Docker's containers.
 * @throws DstackError `docker-unavailable`
 */
export async function containersHere(docker: Docker): Promise<JobHere[]> {
  const filters = { label: [identityLabels.job], status: ['running', 'paused'] };
  const found = await answerOf(docker.listContainers({ filters }), 10_000);
  return found.flatMap(({ Id: id, Labels: labels, Names: names, State: state }) => {
    const run = labels[identityLabels.run];
    const job = labels[identityLabels.job];
    // What gives a workspace back to its owner has labels, too, but not such a name.
    if (run === undefined || job === undefined || !names.some((name) => name.startsWith('/dstack-')))
      return [];
    const attempt = Number(labels[identityLabels.attempt]);
    return [{ run, job, attempt, at: { kind: 'container' as const, id, frozen: state === 'paused' } }];
  });
}

/** The jobs that run as plain processes of this user. None where that can't be told: it takes Linux. */
export async function processesHere(): Promise<JobHere[]> {
  if (!hasProc) return [];
  const leaders = new Map<string, ReturnType<typeof environmentsWith>[number]>();
  for (const found of environmentsWith(identityVariables.nonce)) {
    const nonce = found.environment[identityVariables.nonce] as string;
    const known = leaders.get(nonce);
    const { pid, group, start } = found.process;
    // What a job has put into a session of its own came later.
    if (pid === group && (!known || Number(start) < Number(known.process.start))) leaders.set(nonce, found);
  }
  const jobs = [...leaders.values()].map(async ({ process, environment }): Promise<JobHere[]> => {
    const folder = await readlink(`/proc/${process.pid}/cwd`).catch(() => null);
    const run = environment[identityVariables.run];
    const job = environment[identityVariables.job];
    if (folder === null || run === undefined || job === undefined) return [];
    const own = new Set<string>(Object.values(identityVariables));
    const given = Object.entries(environment).filter(([name]) => !own.has(name));
    const { pid, start } = process;
    const at = { kind: 'process' as const, pid, start, environment: Object.fromEntries(given), folder };
    return [{ run, job, attempt: Number(environment[identityVariables.attempt]), at }];
  });
  return (await Promise.all(jobs)).flat();
}
