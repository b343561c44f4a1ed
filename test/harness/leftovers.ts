import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** What the tools themselves keep in the temporary folder. */
const OF_TOOLS = /^(tsx-|node-compile-cache$|v8-compile-cache)/;

/** Processes in whose environment this variable is the folder or one below it (Linux; elsewhere none are found). */
export function processesWith(variable: string, folder: string): { pid: number; command: string }[] {
  const line = `${variable}=${folder}`;
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return [];
  }
  return entries
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      try {
        const environment = readFileSync(`/proc/${entry}/environ`, 'utf8').split('\0');
        if (!environment.some((one) => one === line || one.startsWith(`${line}/`))) return [];
        const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return command === '' ? [] : [{ pid: Number(entry), command }];
      } catch {
        return []; // Ended meanwhile, or somebody else's.
      }
    });
}

/**
 * What a test file left behind, in words: entries of its temporary folder, and processes, which are killed.
 * A child that is just ending is given `patience` tenths of a second.
 */
export async function leftoversOf(tmp: string, patience = 50): Promise<string[]> {
  let processes = processesWith('TMPDIR', tmp);
  for (let tries = 0; processes.length > 0 && tries < patience; tries++) {
    await sleep(100);
    processes = processesWith('TMPDIR', tmp);
  }
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended meanwhile.
    }
  }
  const files = readdirSync(tmp).filter((name) => !OF_TOOLS.test(name));
  return [
    ...processes.map(({ pid, command }) => `left the process ${pid} behind: ${command}`),
    ...files.map((name) => `left ${path.join(tmp, name)} behind`),
  ];
}

/** The containers on this machine, running or not, that carry a label of dstack's; none where Docker does not answer. */
export async function dstackContainers(): Promise<string[]> {
  try {
    const format = '{{.ID}} {{.Image}} {{.Labels}}';
    const { stdout } = await promisify(execFile)('docker', ['ps', '--all', '--format', format], {
      timeout: 20_000,
    });
    return stdout.split('\n').filter((line) => /[ ,](\w+\.)*dstack[^,]*=/.test(line));
  } catch {
    return [];
  }
}

/** The containers that are there now and are not in `before`. Those being removed are given a few seconds. */
export async function containersSince(before: readonly string[]): Promise<string[]> {
  const left = async () => (await dstackContainers()).filter((line) => !before.includes(line));
  let containers = await left();
  for (let tries = 0; containers.length > 0 && tries < 10; tries++) {
    await sleep(1000);
    containers = await left();
  }
  return containers;
}
