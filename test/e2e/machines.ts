import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** As good as a machine of its own: another network, another name; the same disk. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  /** The words before a command that make it run there. */
  readonly prefix: readonly string[];
}

/**
 * Makes network namespaces that reach each other by a bridge, and nothing else. Only root may.
 * @returns what removes them again, with all that still runs in them
 */
export function connectMachines(count: number): { machines: readonly Machine[]; remove(): void } {
  const id = randomBytes(3).toString('hex');
  const hub = `hub-${id}`;
  const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const spaces: string[] = [];
  const machines: Machine[] = [];
  const remove = () => {
    for (const space of spaces) {
      const pids = String(ip('netns', 'pids', space)).trim();
      for (const pid of pids === '' ? [] : pids.split('\n')) process.kill(Number(pid), 'SIGKILL');
      ip('netns', 'del', space);
    }
  };
  try {
    // The bridge, too, lies in a namespace: nothing of it is seen outside, and tests can run at the same time.
    ip('netns', 'add', hub);
    spaces.push(hub);
    ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', hub, 'link', 'set', 'bridge', 'up');
    for (let index = 1; index <= count; index += 1) {
      const space = `m${index}-${id}`;
      ip('netns', 'add', space);
      spaces.push(space);
      const address = `10.77.0.${index}`;
      ip('-n', space, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', `port${index}`, 'netns', hub);
      ip('-n', hub, 'link', 'set', `port${index}`, 'master', 'bridge', 'up');
      ip('-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      ip('-n', space, 'link', 'set', 'eth0', 'up');
      ip('-n', space, 'link', 'set', 'lo', 'up');
      const name = `machine-${index}`;
      const rename = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', name];
      machines.push({ name, address, prefix: ['ip', 'netns', 'exec', space, ...rename] });
    }
    return { machines, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
