import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../e2e/project.ts';
import { freePort } from '../../git/free-port.ts';

/** A Slurm of one node, with daemons of its own. */
export interface Slurm {
  /** Runs so many jobs that do nothing, one array, as many at a time as there are CPUs. @returns milliseconds, from submission to the last end */
  drain(jobs: number): Promise<number>;
  stop(): Promise<void>;
}

const daemons = ['munged', 'slurmctld', 'slurmd'].map((name) => `/usr/sbin/${name}`);

/** Why it can't be had here; null: it can. */
export const noSlurm =
  daemons.find((file) => !existsSync(file)) !== undefined
    ? 'there is no Slurm here'
    : process.getuid?.() !== 0
      ? 'Slurm wants to be started as root'
      : null;

/** Starts munge, the controller and one node of so many CPUs, all with their files in a temporary folder. */
export async function startSlurm(cpus: number): Promise<Slurm> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'slurm-'));
  const at = (name: string) => path.join(folder, name);
  const children: ChildProcess[] = [];
  const start = (program: string, ...args: string[]) => {
    const log = openSync(at(`${path.basename(program)}.out`), 'w');
    const child = spawn(program, args, { stdio: ['ignore', log, log], env });
    children.push(child);
    return child;
  };
  const env = { ...process.env, SLURM_CONF: at('slurm.conf') };
  const stop = async () => {
    for (const child of children.reverse()) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await Promise.race([ended, sleep(10_000)]);
        child.kill('SIGKILL');
      }
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const [munged, slurmctld, slurmd] = daemons as [string, string, string];
  try {
    for (const name of ['state', 'spool']) mkdirSync(at(name));
    writeFileSync(at('key'), Buffer.alloc(128, 'bench'), { mode: 0o600 });
    const ports = { controller: await freePort(), node: await freePort() };
    writeFileSync(at('slurm.conf'), configuration(at, ports, cpus));
    const files = ['socket', 'key-file', 'pid-file', 'log-file', 'seed-file'];
    const places = files.map((name) => `--${name}=${at(name === 'key-file' ? 'key' : `munge.${name}`)}`);
    start(munged, '--foreground', '--force', ...places);
    await until('munge', () => existsSync(at('munge.socket')));
    start(slurmctld, '-D', '-c', '-f', at('slurm.conf'));
    start(slurmd, '-D', '-f', at('slurm.conf'));
    const ask = (program: string, ...args: string[]) =>
      execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    await until('the node of Slurm', () => ask('sinfo', '-h', '-o', '%T').trim() === 'idle', 30_000);
    return {
      stop,
      async drain(jobs) {
        const from = performance.now();
        ask('sbatch', '--quiet', `--array=0-${jobs - 1}`, '--output=/dev/null', '--chdir=/', '--wrap=true');
        // A call costs it a few milliseconds; asked more often, it would be slowed down.
        while (ask('squeue', '-h', '-o', '%i') !== '') await sleep(100);
        return performance.now() - from;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configuration(
  at: (name: string) => string,
  ports: { controller: number; node: number },
  cpus: number,
): string {
  const host = os.hostname().split('.')[0];
  return [
    'ClusterName=bench',
    `SlurmctldHost=${host}(127.0.0.1)`,
    `SlurmctldPort=${ports.controller}`,
    `SlurmdPort=${ports.node}`,
    'SlurmUser=root',
    'AuthType=auth/munge',
    `AuthInfo=socket=${at('munge.socket')}`,
    `StateSaveLocation=${at('state')}`,
    `SlurmdSpoolDir=${at('spool')}`,
    `SlurmctldPidFile=${at('slurmctld.pid')}`,
    `SlurmdPidFile=${at('slurmd.pid')}`,
    'ProctrackType=proctrack/linuxproc',
    'TaskPlugin=task/none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_CPU',
    'SchedulerType=sched/builtin',
    // It looks for what to start as soon as something has ended, not once a minute.
    'SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=10000,default_queue_depth=1000',
    'SlurmdParameters=config_overrides',
    'ReturnToService=2',
    'MailProg=/bin/true',
    // It forgets what has ended at once, as far as it can.
    'MinJobAge=2',
    'MaxArraySize=20001',
    'MaxJobCount=20001',
    `NodeName=${host} NodeAddr=127.0.0.1 CPUs=${cpus} State=UNKNOWN`,
    'PartitionName=bench Nodes=ALL Default=YES MaxTime=INFINITE State=UP',
    '',
  ].join('\n');
}
