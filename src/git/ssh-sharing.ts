import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup } from './end-process.ts';
import { hasTerminal } from './has-terminal.ts';
import { isAlive } from './is-alive.ts';
import { runGit } from './run-git.ts';
import { type SshDestination, sshDestination } from './ssh-destination.ts';

/** A connection that is not used for so long ends by itself, even if this process was killed; seconds. */
const idleLimit = 60;
/** After a connection that could not be made none is tried again for so long; milliseconds. */
const pause = 60_000;
/** Of the path of a Unix socket; some systems allow no more. */
const longestPath = 103;
/** `/0/%C`, and what ssh adds to that while it makes the socket. */
const ofSocket = 2 + 1 + 40 + 17;

/** How Git reaches a remote. */
export interface Connection {
  /** For Git's environment. */
  readonly env: Record<string, string>;
  /** Nothing comes from it any more: the next call makes another. */
  drop(): void;
}

/** One ssh process in the background, through which the calls to one host go. */
interface Master {
  readonly folder: string;
  readonly destination: SshDestination;
  starting: Promise<'silent' | null> | null;
  notBefore: number;
}

const masters = new Map<string, Master>();
const remotes = new Map<string, Promise<SshDestination | null>>();
let folder: string | null | undefined;

/**
 * The connection to a remote that is reached over ssh, made if need be: a handshake costs far more than most calls. It is the
 * user's own ssh with the user's own settings; where these say anything of connections that are shared, or of how Git
 * is to call ssh, all is left to them.
 * @param limit milliseconds that making it may take
 * @returns null: Git does as always; `silent`: the host accepts and says nothing
 */
export async function sharedConnection(
  remote: string,
  options: { gitDir?: string | undefined; signal?: AbortSignal | undefined },
  limit: number,
): Promise<Connection | 'silent' | null> {
  const { env } = process;
  if (env.GIT_SSH_COMMAND !== undefined || env.GIT_SSH !== undefined || env.GIT_SSH_VARIANT !== undefined)
    return null;
  const key = `${options.gitDir}\n${remote}`;
  const known = remotes.get(key) ?? sharableDestination(remote, options.gitDir);
  remotes.set(key, known);
  const destination = await known;
  const master = destination && masterOf(destination);
  if (!master) return null;
  if (readdirSync(master.folder).length === 0) {
    if (performance.now() < master.notBefore) return null;
    master.starting ??= start(master, options.signal, limit).finally(() => {
      master.starting = null;
    });
    if ((await master.starting) === 'silent') return 'silent';
    if (readdirSync(master.folder).length === 0) return null;
  }
  return {
    env: { GIT_SSH_COMMAND: ['ssh', ...through(master, 'no')].join(' ') },
    drop: () => void end(master, spawn),
  };
}

/** Where a remote is, if ssh is to be called for it and nothing the user has said speaks against sharing. */
async function sharableDestination(
  remote: string,
  gitDir: string | undefined,
): Promise<SshDestination | null> {
  const [url, own] = await Promise.all([
    runGit(['ls-remote', '--get-url', '--', remote], { gitDir, mayAsk: true }),
    runGit(['config', '--get-regexp', '^(core\\.sshcommand|ssh\\.variant)$'], { gitDir, mayAsk: true }),
  ]);
  if (url.exitCode !== 0 || own.exitCode === 0) return null;
  const destination = sshDestination(url.stdout.toString('utf8').trim());
  return destination && (await leavesSharingToUs(destination)) ? destination : null;
}

/** Which settings apply where is ssh's to know, so it is asked; a word about sharing anywhere is taken for an opinion. */
async function leavesSharingToUs({ host, port }: SshDestination): Promise<boolean> {
  const child = spawn('ssh', ['-v', '-G', ...(port ? ['-p', port] : []), '--', host], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let settings = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    said += more;
  });
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    settings += more;
  });
  const code = await new Promise((resolve) => child.once('error', resolve).once('close', resolve));
  if (code !== 0 || !/^controlmaster false$/m.test(settings)) return false;
  const files = [...said.matchAll(/^debug\d: Reading configuration data (.+)$/gm)].map(
    ([, file]) => file ?? '',
  );
  return files.every((file) => {
    try {
      return !/^\s*control(master|path|persist)\b/im.test(readFileSync(file.trim(), 'utf8'));
    } catch {
      return false;
    }
  });
}

function masterOf(destination: SshDestination): Master | null {
  const key = `${destination.host}\n${destination.port}`;
  const known = masters.get(key);
  if (known) return known;
  folder ??= makeFolder();
  if (folder === null) return null;
  const master = { folder: join(folder, String(masters.size)), destination, starting: null, notBefore: 0 };
  mkdirSync(master.folder);
  masters.set(key, master);
  return master;
}

/** Through the socket of this very host, port and user (`%C`): another one that Git may be sent to is called directly. */
function through({ folder }: Master, role: 'yes' | 'no'): string[] {
  // Ports that the user forwards whenever he logs in there would be held for as long as the connection is.
  const options = [`ControlMaster=${role}`, `ControlPath=${folder}/%C`, 'ClearAllForwardings=yes'];
  return options.flatMap((option) => ['-o', option]);
}

function addressed({ destination: { host, port } }: Master): string[] {
  return [...(port ? ['-p', port] : []), '--', host];
}

/** Resolves once there is a connection, or can't be one. Whatever has to be asked for is asked for here. */
async function start(
  master: Master,
  signal: AbortSignal | undefined,
  limit: number,
): Promise<'silent' | null> {
  const foreground = hasTerminal();
  // What Git tells of itself (that it speaks version 2 of its protocol) passes only if the connection is made so, too.
  const own = [`ControlPersist=${idleLimit}`, 'SendEnv=GIT_PROTOCOL'].flatMap((option) => ['-o', option]);
  const args = ['-f', '-N', ...through(master, 'yes'), ...own];
  // Out of the group of any Git call: those are ended when nothing comes from them.
  const child = spawn('ssh', [...args, ...addressed(master)], {
    stdio: ['ignore', 'ignore', foreground ? 'inherit' : 'ignore'],
    detached: !foreground,
  });
  const stop = () => {
    if (foreground) child.kill();
    else killGroup(child.pid);
  };
  signal?.addEventListener('abort', stop, { once: true });
  const timer = new AbortController();
  const ended = new Promise<'ended'>((resolve) => {
    for (const event of ['exit', 'error']) child.once(event, () => resolve('ended'));
  });
  const outcome = await Promise.race([ended, sleep(limit, 'silent' as const, { signal: timer.signal })]);
  timer.abort();
  signal?.removeEventListener('abort', stop);
  if (outcome === 'silent') stop();
  if (child.exitCode !== 0) master.notBefore = performance.now() + pause;
  return outcome === 'silent' ? 'silent' : null;
}

/** Tells the process in the background to go. */
function end(master: Master, run: typeof spawn | typeof spawnSync): void {
  const args = ['-O', 'exit', ...through(master, 'no'), ...addressed(master)];
  const child = run('ssh', args, { stdio: 'ignore' });
  if ('once' in child) child.once('error', () => {});
}

/** A folder for sockets that is nobody else's; it goes with this process. Null if there is none with a short path. */
function makeFolder(): string | null {
  for (const base of [process.env.XDG_RUNTIME_DIR, tmpdir(), '/tmp']) {
    // It becomes part of a command line.
    if (!base || !/^\/[\w./-]+$/.test(base)) continue;
    const prefix = join(base, `ds-${process.pid}-`);
    if (prefix.length + 6 + ofSocket > longestPath) continue;
    try {
      removeLeft(base);
      const made = mkdtempSync(prefix);
      process.once('exit', () => {
        for (const master of masters.values())
          if (readdirSync(master.folder).length > 0) end(master, spawnSync);
        rmSync(made, { recursive: true, force: true });
      });
      return made;
    } catch {
      // It may not be written to.
    }
  }
  return null;
}

/** What processes have left that were killed. */
function removeLeft(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = Number(/^ds-(\d+)-\w{6}$/.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    try {
      rmSync(join(base, name), { recursive: true, force: true });
    } catch {
      // Somebody else's.
    }
  }
}
