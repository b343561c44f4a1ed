import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { runGit } from './run-git.ts';
import { type SshDestination, sshDestination } from './ssh-destination.ts';
import { sharedConnection } from './ssh-sharing.ts';

/** A host that is reached over ssh, and where on it a repository lies. */
export interface SshPlace extends SshDestination {
  readonly path: string;
}

/** How long making a connection may take; milliseconds. */
const longestLogin = 60_000;

/** Where a remote lies, if ssh is called for it; what Git is told to put in the place of its address included. */
export async function sshPlace(remote: string, gitDir: string): Promise<SshPlace | null> {
  const url = await runGit(['ls-remote', '--get-url', '--', remote], { gitDir });
  return url.exitCode === 0 ? parseSshPlace(url.stdout.toString('utf8').trim()) : null;
}

/** Reads an address as Git does. */
export function parseSshPlace(address: string): SshPlace | null {
  const destination = sshDestination(address);
  const path = pathOf(address);
  // Git refuses what a program there would take for an option.
  return destination && path && !path.startsWith('-') ? { ...destination, path } : null;
}

function pathOf(address: string): string | null {
  if (!address.includes('://'))
    return /^(?:\[[^\]/]+\]|[^/:[\]]+):(.+)$/s.exec(address.replace(/^[^/:[\]]+@/, ''))?.[1] ?? null;
  const inUrl = /^[a-z+]+:\/\/[^/]+(\/.+)$/is.exec(address)?.[1] ?? '';
  try {
    return decodeURIComponent(inUrl).replace(/^\/~/, '~');
  } catch {
    return null;
  }
}

/**
 * Starts a command on the host of a remote, by the ssh and the connection that Git would use, in a process group of its own.
 * @param words what the shell there gets, each as one word
 * @throws what `spawn` does; `error` events are the caller's
 */
export async function startAtHost(
  place: SshPlace,
  words: readonly string[],
  { remote, gitDir, signal }: { remote: string; gitDir: string; signal?: AbortSignal },
): Promise<ChildProcessByStdio<Writable, Readable, Readable>> {
  const connection = await sharedConnection(remote, { gitDir, signal }, longestLogin);
  const shared = connection === null || connection === 'silent' ? null : connection.env.GIT_SSH_COMMAND;
  const [program, ...first] = await sshProgram(gitDir, shared ?? null);
  const args = [...first, ...(place.port ? ['-p', place.port] : []), place.host, words.map(quote).join(' ')];
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
}

/** The user's own command line for ssh goes through a shell, as Git has it; what is added to it doesn't. */
async function sshProgram(gitDir: string, shared: string | null): Promise<[string, ...string[]]> {
  const configured = await runGit(['config', '--get', 'core.sshCommand'], { gitDir });
  const line = shared ?? process.env.GIT_SSH_COMMAND ?? configured.stdout.toString('utf8').trim();
  if (line) return ['/bin/sh', '-c', `${line} "$@"`, 'ssh'];
  return [process.env.GIT_SSH || 'ssh'];
}

function quote(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''").replaceAll('!', "'\\!'")}'`;
}
