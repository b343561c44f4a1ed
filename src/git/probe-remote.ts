import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { failureOfPush, pushArguments, type RefUpdate } from './push.ts';
import type { Repository } from './repository.ts';
import { type GitOptions, type GitResult, gitArguments, runGit } from './run-git.ts';
import { sharedConnection } from './ssh-sharing.ts';
import { explainTransferFailure, noProgress, type TransferFailure } from './transfer-failure.ts';

/** How a remote introduces itself. */
export interface Greeting {
  /** The protocol's version. */
  readonly protocol: number;
  /** What it says it is, such as `git/2.39.5`: foreign text; null if it doesn't. */
  readonly agent: string | null;
  readonly objectFormat: 'sha1' | 'sha256';
}

/** Long enough for a slow host, in milliseconds. */
const silenceLimit = 60_000;

/** Asks a remote for nothing, to see how it answers. */
export async function greet(
  { gitDir }: Pick<Repository, 'gitDir'>,
  remote: string,
  signal?: AbortSignal,
): Promise<{ greeting: Greeting } | { failure: TransferFailure }> {
  const folder = await mkdtemp(join(gitDir, 'greeting-'));
  try {
    const trace = join(folder, 'packets');
    // A name that nothing has: version 2 of the protocol lists nothing else then.
    const args = ['-c', 'protocol.version=2', 'ls-remote', '--quiet', '--', remote, 'refs/none-of-these'];
    const connection = await sharedConnection(remote, { gitDir, signal }, silenceLimit);
    if (connection === 'silent') return { failure: explainTransferFailure(`fatal: ${noProgress}`) };
    const result = await runGit(args, {
      gitDir,
      env: { ...connection?.env, GIT_TRACE_PACKET: trace },
      mayAsk: true,
      silenceLimit,
      signal,
    });
    if (result.exitCode !== 0) return { failure: explainTransferFailure(result.stderr) };
    return { greeting: readGreeting(existsSync(trace) ? await readFile(trace, 'latin1') : '') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param trace what `GIT_TRACE_PACKET` has written */
export function readGreeting(trace: string): Greeting {
  // What comes from the other side; with a remote on this machine, its own words are in there as well.
  const heard = [...trace.matchAll(/packet: +(?:ls-remote|git)< (.*)/g)].map(([, words]) => words ?? '');
  const version = heard.find((words) => /^version \d$/.test(words));
  // Version 0 says it all after the first ref, the others line by line.
  const words = heard
    .flatMap((line) => (line.includes('\\0') ? line.split('\\0').slice(1) : [line]))
    .join(' ');
  return {
    protocol: version ? Number(version.slice(-1)) : 0,
    agent: /(?:^| )agent=([^ ]{1,200})/.exec(words)?.[1] ?? null,
    objectFormat: /(?:^| )object-format=sha256(?: |$)/.test(words) ? 'sha256' : 'sha1',
  };
}

/**
 * Pushes updates, and lets another push go ahead of them after the remote has told its refs: what these leases are
 * held against then is for the remote to check, since here they seem to hold.
 * @returns whether the other one went through, and how this one ended
 */
export async function pushOvertaken(
  { gitDir }: Pick<Repository, 'gitDir'>,
  remote: string,
  updates: readonly RefUpdate[],
  options: { overtaking: readonly RefUpdate[]; atomic: boolean; signal?: AbortSignal | undefined },
): Promise<{ overtaken: boolean; failure: TransferFailure | null }> {
  const folder = await mkdtemp(join(gitDir, 'overtaking-'));
  try {
    const hooks = join(folder, 'hooks');
    const [args, mark] = [join(folder, 'arguments'), join(folder, 'done')];
    await mkdir(hooks);
    const other = gitArguments(pushArguments(remote, options.overtaking, { atomic: false }));
    await writeFile(args, other.map((argument) => `${argument}\0`).join(''));
    // The hook is called between the two. If it fails, nothing is pushed.
    const script = '#!/bin/sh\nxargs -0 git <"$DSTACK_ARGUMENTS" >/dev/null && : >"$DSTACK_MARK"\n';
    await writeFile(join(hooks, 'pre-push'), script);
    await chmod(join(hooks, 'pre-push'), 0o755);
    const result = await call(
      remote,
      ['-c', `core.hooksPath=${hooks}`, ...pushArguments(remote, updates, { ...options, verify: true })],
      { gitDir, env: { DSTACK_ARGUMENTS: args, DSTACK_MARK: mark }, signal: options.signal },
    );
    return { overtaken: existsSync(mark), failure: failureOfPush(result) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As other calls go to a remote, but with variables of one's own, and however it has answered before. */
async function call(
  remote: string,
  args: readonly string[],
  { env, ...options }: Pick<GitOptions, 'gitDir' | 'env' | 'signal'>,
): Promise<GitResult> {
  const connection = isAbsolute(remote) ? null : await sharedConnection(remote, options, silenceLimit);
  if (connection === 'silent')
    return { exitCode: 128, stdout: Buffer.alloc(0), stderr: `fatal: ${noProgress}\n` };
  return runGit(args, { ...options, env: { ...connection?.env, ...env }, mayAsk: true, silenceLimit });
}
