import { spawn } from 'node:child_process';
import type { Arena } from './arena.ts';
import { evidenceLines } from './faults.ts';
import { uptime } from './processes.ts';

/** That an attempt of a job computed, from evidence outside of dstack; seconds since the boot. */
export interface Computing {
  readonly key: string;
  readonly attempt: number;
  readonly runner: string;
  readonly from: number;
  readonly to: number;
}

/** What plain processes have noted: each step is a moment. */
export function stepsTaken(arena: Arena): (Computing & { what: string })[] {
  return evidenceLines(arena).flatMap((line) => {
    const [what, key, attempt, at, , runner] = line.split(' ');
    if (what === undefined || key === undefined || runner === undefined) return [];
    return [{ what, key, attempt: Number(attempt), runner, from: Number(at), to: Number(at) }];
  });
}

/** What Docker tells of containers as it happens: from a start or a thaw to a freeze or the end. */
export interface ContainerWatch {
  stop(): Promise<Computing[]>;
}

export function watchContainers(runners: readonly string[]): ContainerWatch {
  const bootedAt = Date.now() / 1000 - uptime();
  const format = ['.Action', '.TimeNano', ...['run', 'job', 'attempt', 'runner'].map(attribute), '.Actor.ID'];
  const child = spawn(
    'docker',
    ['events', '--filter', 'type=container', '--format', format.map((one) => `{{${one}}}`).join(' ')],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const running = new Map<string, Computing>();
  const found: Computing[] = [];
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    const lines = (text + more).split('\n');
    text = lines.pop() as string;
    for (const line of lines) {
      const [action, nanoseconds, run, job, attempt, runner = '', id = ''] = line.split(' ');
      if (!runners.includes(runner)) continue;
      const at = Number(nanoseconds) / 1e9 - bootedAt;
      if (action === 'start' || action === 'unpause')
        running.set(id, { key: `${run}/${job}`, attempt: Number(attempt), runner, from: at, to: at });
      const before = running.get(id);
      if (before && (action === 'pause' || action === 'die')) {
        found.push({ ...before, to: at });
        running.delete(id);
      }
    }
  });
  return {
    async stop() {
      child.kill();
      await new Promise((resolve) => child.once('close', resolve));
      return [...found, ...running.values()];
    },
  };
}

const attribute = (name: string) => `index .Actor.Attributes "dstack.${name}"`;
