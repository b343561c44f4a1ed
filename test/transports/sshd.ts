import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { until } from '../e2e/project.ts';
import { freePort } from '../git/free-port.ts';

const program = '/usr/sbin/sshd';
export const hasSshd = existsSync(program);

/** A real sshd that lets in those with a key, and each do nothing but what goes with that. */
export interface Sshd {
  readonly port: number;
  /** `ssh://…` of a folder there, by the name that the user's ssh knows the host and whose key to use by. */
  url(folder: string, user?: string): string;
  /** A `PATH` on which `ssh` is the real one with the configuration of this test in place of the user's. */
  readonly env: { PATH: string };
  /** The private key of a user. */
  key(user?: string): string;
  /** Writes the first user's ssh configuration of that host anew. */
  configure(lines: readonly string[]): void;
  /** Connections that have logged in, and commands that were begun in them. */
  counts(): { handshakes: number; commands: number };
  stop(): Promise<void>;
}

/**
 * @param options.users for each name what its key is allowed to do, a command; one who may do what `git-shell` allows by default
 * @param options.settings more of `sshd_config`
 */
export async function startSshd(
  folder: string,
  options: { users?: Readonly<Record<string, string>>; settings?: readonly string[] } = {},
): Promise<Sshd> {
  const at = (name: string) => path.join(folder, name);
  const users = options.users ?? { user: 'git-shell -c "$SSH_ORIGINAL_COMMAND"' };
  const [first = ''] = Object.keys(users);
  mkdirSync(at('bin'), { recursive: true, mode: 0o700 });
  for (const name of ['host', ...Object.keys(users)])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  const authorized = Object.entries(users).map(
    ([name, command]) =>
      `command="${command.replaceAll('"', '\\"')}",restrict ${readFileSync(at(`${name}.pub`), 'utf8')}`,
  );
  writeFileSync(at('authorized'), authorized.join(''), { mode: 0o600 });
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('authorized')}`,
    `PidFile ${at('pid')}`,
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'UsePAM no',
    'LogLevel VERBOSE',
    // The temporary folder is anybody's.
    'StrictModes no',
    ...(options.settings ?? []),
  ];
  writeFileSync(at('sshd_config'), `${settings.join('\n')}\n`);
  writeFileSync(at('known_hosts'), `[127.0.0.1]:${port} ${readFileSync(at('host.pub'), 'utf8')}`);
  // ssh finds its configuration by the password file, whatever HOME says.
  writeFileSync(at('bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${at('ssh_config')}' "$@"\n`);
  chmodSync(at('bin/ssh'), 0o755);
  // It separates its privileges into this folder.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const child = spawn(program, ['-D', '-e', '-f', at('sshd_config')], {
    stdio: ['ignore', 'ignore', openSync(at('log'), 'w')],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const sshd: Sshd = {
    port,
    url: (repository, user = first) => `ssh://${user}-host${repository}`,
    env: { PATH: `${at('bin')}:${process.env.PATH}` },
    key: (user = first) => at(user),
    configure(lines) {
      const hosts = Object.keys(users).map((user) => {
        const own = [...sshLines(sshd), `IdentityFile ${at(user)}`, 'IdentitiesOnly yes'];
        return [`Host ${user}-host`, ...(user === first ? lines : own)].join('\n  ');
      });
      writeFileSync(at('ssh_config'), `${hosts.join('\n')}\n`);
    },
    counts() {
      const log = readFileSync(at('log'), 'utf8');
      return {
        handshakes: log.match(/^Accepted publickey/gm)?.length ?? 0,
        commands: log.match(/^Starting session: /gm)?.length ?? 0,
      };
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
  sshd.configure([...sshLines(sshd), `IdentityFile ${sshd.key()}`, 'IdentitiesOnly yes']);
  await until('sshd', () => readFileSync(at('log'), 'utf8').includes('Server listening'));
  return sshd;
}

/** What the user's ssh must know of the host, but for how to log in. */
export function sshLines({ port, key }: Pick<Sshd, 'port' | 'key'>): string[] {
  return [
    'HostName 127.0.0.1',
    `Port ${port}`,
    `User ${userInfo().username}`,
    'StrictHostKeyChecking yes',
    `UserKnownHostsFile ${path.join(path.dirname(key()), 'known_hosts')}`,
    'BatchMode yes',
  ];
}
