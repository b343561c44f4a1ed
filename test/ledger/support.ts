import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initBareRepository } from '../../src/git/repository.ts';
import type { JobSpec } from '../../src/language/job-spec.ts';
import type { ClaimHolder } from '../../src/ledger/claim-holder.ts';
import { acquireClaim, type Claimant } from '../../src/ledger/claims.ts';
import type { ClaimFile, RecordFile } from '../../src/ledger/formats.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/ledger/ledger.ts';
import { openLiveReader, type QueueEntry } from '../../src/ledger/live.ts';
import { type PreparedRun, prepareRun, type RunRequest } from '../../src/ledger/prepare-run.ts';
import { makeRecord, type Outcome } from '../../src/ledger/records.ts';
import { jobName } from '../../src/ledger/refs.ts';
import type { Finished } from '../../src/ledger/settle.ts';
import { submitRun } from '../../src/ledger/submit.ts';
import { scratchFolder } from '../git/scratch-repository.ts';

import { jobSpec } from './sample-spec.ts';

export { jobSpec };

const opened: Ledger[] = [];
process.once('exit', () => {
  for (const ledger of opened) ledger.close();
});

/** A shared bare repository, and a look into it with plain Git. */
export interface Shared {
  readonly path: string;
  git(...args: string[]): string;
  /** Ref name → id, of all refs. */
  refs(): Map<string, string>;
  hook(name: string, script: string): void;
  /** A file in the repository that hooks can test for. */
  mark(name: string): void;
  marked(name: string): boolean;
}

export async function scratchShared(): Promise<Shared> {
  const path = join(scratchFolder(), 'shared.git');
  await initBareRepository(path);
  return sharedAt(path);
}

/** A host that takes nothing but branches and tags, and guards them: it lets nobody rewind or delete them. */
export async function scratchGuarded(): Promise<Shared> {
  const shared = await scratchShared();
  guard(shared);
  return shared;
}

export function guard(shared: Pick<Shared, 'git' | 'hook'>): void {
  for (const key of ['denyNonFastForwards', 'denyDeletes']) shared.git('config', `receive.${key}`, 'true');
  shared.hook(
    'pre-receive',
    `while read -r _ _ ref; do
      case $ref in refs/heads/*|refs/tags/*) ;; *) echo "$ref: only branches and tags" >&2; exit 1 ;; esac
    done`,
  );
}

export function sharedAt(path: string): Shared {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: path, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
  return {
    path,
    git,
    refs: () =>
      new Map(
        git('for-each-ref', '--format=%(refname) %(objectname)')
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(' ') as [string, string]),
      ),
    hook(name, script) {
      mkdirSync(join(path, 'hooks'), { recursive: true });
      writeFileSync(join(path, 'hooks', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    },
    mark: (name) => writeFileSync(join(path, name), ''),
    marked: (name) => existsSync(join(path, name)),
  };
}

/** Another participant: a ledger on the shared repository, from a repository of its own. */
export async function participant(
  remote: string,
  who = 'tester',
  layout: Pick<LedgerOptions, 'refPrefix' | 'host'> = {},
): Promise<Ledger> {
  const local = await initBareRepository(join(scratchFolder(), 'own.git'));
  const ledger = await openLedger({
    ...layout,
    local,
    remote,
    who: () => ({ name: who, email: `${who}@example.org` }),
  });
  opened.push(ledger);
  return ledger;
}

/** A shared repository with one participant. */
export async function scratchLedger(): Promise<{ shared: Shared; ledger: Ledger }> {
  const shared = await scratchShared();
  return { shared, ledger: await participant(shared.path) };
}

/** The same shared repository as a runner of another machine knows it. */
export function elsewhere(ledger: Ledger): Ledger {
  return { ...ledger, shared: { ...ledger.shared, path: null } };
}

/** Makes the next push that changes a ref be applied without an answer: receive-pack is killed right after. */
export function loseNextReply(shared: Shared): void {
  shared.mark('lose-reply');
  shared.hook(
    'reference-transaction',
    '[ "$1" = committed ] && rm lose-reply 2>/dev/null && kill -9 $PPID; exit 0',
  );
}

/** Makes the next push fail before anything is applied. */
export function refuseNextPush(shared: Shared): void {
  shared.mark('refuse');
  shared.hook('pre-receive', 'rm refuse 2>/dev/null && kill -9 $PPID; exit 0');
}

/** A request for a run of these jobs; its snapshot has one file. */
export function runRequest(
  ledger: Ledger,
  run: string,
  jobs: readonly JobSpec[],
  more: Partial<RunRequest> = {},
) {
  const tree = execFileSync('git', ['mktree'], {
    cwd: ledger.shared.local.gitDir,
    encoding: 'utf8',
    input: '',
  }).trimEnd();
  return {
    run,
    workflow: jobs.at(-1)?.workflow ?? 'train',
    overrides: {},
    reason: null,
    tree,
    parent: null,
    author: { name: 'Ada', email: 'ada@example.org', time: 1_764_021_600_000 },
    jobs: jobs.map((spec) => ({ spec, cacheKey: null, useCache: true })),
    ...more,
  } satisfies RunRequest;
}

export function dependsOn(...jobs: string[]): Pick<JobSpec, 'dependsOn'> {
  return { dependsOn: jobs.map((job) => ({ run: null, job })) };
}

/** Submits a run; fails unless it was accepted. */
export async function submit(
  ledger: Ledger,
  run: string,
  jobs: readonly JobSpec[] = [jobSpec('train')],
  more: Partial<RunRequest> = {},
): Promise<PreparedRun> {
  const prepared = await prepareRun(ledger, runRequest(ledger, run, jobs, more));
  const result = await submitRun(ledger, prepared);
  if (result !== 'submitted') throw new Error(`${run} is ${result}`);
  return prepared;
}

export async function queued(ledger: Ledger, run: string, job = 'train'): Promise<QueueEntry> {
  const ref = ledger.names.job('queue', { run, job });
  const commit = (await ledger.shared.list([ref])).get(ref);
  if (!commit) throw new Error(`${run}/${job} is not in the queue`);
  return openLiveReader(ledger).queueEntry({ run, job }, commit);
}

export function claimant(runner = 'gpu-1', lease = 60): Claimant {
  return { runner, host: `${runner}.lab`, instance: `instance-of-${runner}`, lease };
}

/** Claims a job; fails unless that was won. */
export async function claim(
  ledger: Ledger,
  entry: QueueEntry,
  who: Claimant = claimant(),
  over: { commit: string; claim: ClaimFile } | null = null,
): Promise<ClaimHolder> {
  const acquired = await acquireClaim(ledger, entry, who, over);
  if (acquired.result !== 'won') throw new Error(`the claim of ${jobName(entry.id)} is ${acquired.result}`);
  return acquired.holder;
}

export const done: Outcome = { state: 'done', reason: null, exitCode: 0 };

/** Finishes a claim; fails unless that was won. */
export async function finish(holder: ClaimHolder, outcome: Outcome = done): Promise<Finished> {
  const finished = await holder.finish(
    (file) => makeRecord(holder.entry, file, outcome, new Date().toISOString()),
    {
      artifacts: null,
      logTail: null,
    },
  );
  if (finished.result !== 'won') throw new Error(`finishing ended as ${finished.result}`);
  return finished;
}

/** A chunk of log for a renewal. */
export function chunk(text: string | Uint8Array, at = 1_764_021_600) {
  return { at, bytes: Buffer.from(text) };
}

export function sampleRecord(more: Partial<RecordFile> = {}): RecordFile {
  return {
    format: 1,
    run: 'brave-otter-7k2m',
    job: 'train',
    workflow: 'train',
    dependsOn: [],
    state: 'done',
    reason: null,
    exitCode: 0,
    attempt: 1,
    runner: 'gpu-1',
    host: 'gpu-1.lab',
    executor: 'docker',
    image: null,
    claimedAt: '2026-03-01T12:00:00.000Z',
    startedAt: null,
    finishedAt: '2026-03-01T12:01:00.000Z',
    queue: 'a'.repeat(40),
    runCommit: 'b'.repeat(40),
    cacheKey: null,
    cachedFrom: null,
    log: { bytes: 0, sha256: 'c'.repeat(64), stored: false },
    artifacts: null,
    environment: {},
    metrics: null,
    ...more,
  };
}

export function sampleClaim(more: Partial<ClaimFile> = {}): ClaimFile {
  return {
    format: 1,
    run: 'brave-otter-7k2m',
    job: 'train',
    runner: 'gpu-1',
    host: 'gpu-1.lab',
    instance: 'instance-of-gpu-1',
    nonce: 'n',
    attempt: 1,
    lost: 0,
    lease: 60,
    queue: 'a'.repeat(40),
    state: 'claimed',
    detail: null,
    claimedAt: '2026-03-01T12:00:00.000Z',
    startedAt: null,
    artifacts: null,
    ...more,
  };
}
