import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { identityVariables } from './job-environment.ts';
import { type JobGroup, jobGroup } from './job-group.ts';
import { hasProc, processesWith, variableOf } from './process-table.ts';
import { starterIsAlive } from './starter.ts';

/** Knows the jobs that were started on this machine, across the death of whoever started them. */
export interface JobMemory {
  /** Called when a job has been started and when nothing of it is left. */
  remember(job: JobGroup, runner: string, starter: string): void;
  forget(job: JobGroup): void;
  /** The jobs of this runner whose starter is dead. Never one that this very process is part of. */
  strays(runner: string): JobGroup[];
}

/** On Linux the processes themselves tell; elsewhere a folder with a file for each job does. */
export function createJobMemory(): JobMemory {
  return hasProc ? environmentMemory : fileMemory(path.join(stateHome(), 'dstack', 'jobs'));
}

const environmentMemory: JobMemory = {
  remember() {},
  forget() {},
  strays(runner) {
    const jobs = new Map<string, JobGroup>();
    for (const { pid, group } of processesWith({ [identityVariables.runner]: runner })) {
      const nonce = variableOf(pid, identityVariables.nonce);
      const starter = variableOf(pid, identityVariables.starter);
      if (nonce === undefined || nonce === process.env[identityVariables.nonce]) continue;
      if (starter === undefined || starterIsAlive(starter)) continue;
      // Whichever of them leads its group; a group of its own is what the job was started with.
      if (!jobs.has(nonce) || pid === group) jobs.set(nonce, jobGroup(group, nonce));
    }
    return [...jobs.values()];
  },
};

/** @param folder made, private, when there is something to remember */
export function fileMemory(folder: string): JobMemory {
  const fileOf = (job: JobGroup) => path.join(folder, `${encodeURIComponent(job.nonce)}.json`);
  return {
    remember(job, runner, starter) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(fileOf(job), JSON.stringify({ ...job, runner, starter }));
    },
    forget(job) {
      rmSync(fileOf(job), { force: true });
    },
    strays(runner) {
      return readRecords(folder).filter(
        (record) => record.runner === runner && !starterIsAlive(record.starter),
      );
    },
  };
}

function readRecords(folder: string): (JobGroup & { runner: string; starter: string })[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return []; // Nothing was ever started here.
  }
  return names.flatMap((name) => {
    try {
      const record = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
      // A group id of 1 or less would mean everybody.
      return Number.isSafeInteger(record.group) && record.group > 1 ? [record] : [];
    } catch {
      return []; // Half written when the machine went down.
    }
  });
}

function stateHome(): string {
  return process.env.XDG_STATE_HOME || path.join(os.homedir(), '.local', 'state');
}
