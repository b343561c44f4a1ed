import { DstackError } from '../errors.ts';
import type { PushOutcome, RefUpdate } from '../git/push.ts';
import { isObjectId } from '../git/repository.ts';
import { git } from '../git/run-git.ts';
import type { Signature } from '../git/write-commits.ts';
import type { JobSpec } from '../language/job-spec.ts';
import { backOff } from './back-off.ts';
import { completeRun, listAfter } from './complete-run.ts';
import { formatVersion, type JobFile, printFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { isName } from './names.ts';
import { notesOf } from './refs.ts';
import { unreachable } from './shared-repository.ts';
import { notesInTheWay } from './sync.ts';

export interface RunRequest {
  readonly run: string;
  readonly workflow: string;
  /** Variables given on the command line. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly reason: string | null;
  /** The snapshot. */
  readonly tree: string;
  /** The user's HEAD, or null on an unborn branch. */
  readonly parent: string | null;
  readonly author: Signature;
  readonly jobs: readonly { spec: JobSpec; cacheKey: string | null; useCache: boolean }[];
}

export interface PreparedRun {
  readonly run: string;
  readonly commit: string;
  readonly updates: readonly (RefUpdate & { from: null; to: string })[];
}

/**
 * Writes a run's objects into the local repository; nothing refers to them yet. The run commit lists the blob id of
 * every `job.json`, so that what will be executed hangs on this one id.
 */
export async function prepareRun(ledger: Ledger, request: RunRequest): Promise<PreparedRun> {
  const { local } = ledger.shared;
  const files = request.jobs.map(({ spec, cacheKey, useCache }) => {
    const job: JobFile = { format: formatVersion, run: request.run, spec, useCache, cacheKey };
    return { name: spec.name, content: printFile(job) };
  });
  // One tree with all the job files: its blobs' ids go into the run commit.
  const [blobsCommit] = await ledger.shared.write([
    {
      parents: [],
      files: files.map(({ name, content }) => ({ path: name, content })),
      message: '',
      author: request.author,
    },
  ]);
  const listing = await git(['ls-tree', '-z', blobsCommit as string], { gitDir: local.gitDir });
  const blobs = new Map(
    listing
      .split('\0')
      .filter(Boolean)
      .map((line): [string, string] => [
        line.slice(line.indexOf('\t') + 1),
        line.split(/[ \t]/)[2] as string,
      ]),
  );
  const message = runMessage(request, blobs);
  // Without the @ Git takes a small number for a day of the month.
  const date = `@${Math.floor(request.author.time / 1000)} +0000`;
  const commit = await git(
    [
      '-c',
      'i18n.commitEncoding=UTF-8',
      'commit-tree',
      request.tree,
      ...(request.parent ? ['-p', request.parent] : []),
    ],
    {
      gitDir: local.gitDir,
      input: message,
      env: {
        GIT_AUTHOR_NAME: request.author.name,
        GIT_AUTHOR_EMAIL: request.author.email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: request.author.name,
        GIT_COMMITTER_EMAIL: request.author.email,
        GIT_COMMITTER_DATE: date,
      },
    },
  );
  const entries = await ledger.shared.write(
    files.map(({ name }) => ({
      parents: [],
      files: [{ path: 'job.json', id: blobs.get(name) as string }],
      message: `${request.run}/${name}\n\nDstack-Format: ${formatVersion}\nDstack-Run-Commit: ${commit}\n`,
      author: request.author,
    })),
  );
  return {
    run: request.run,
    commit,
    // The run ref goes last: where a push isn't atomic, a job without its run does not exist yet.
    updates: [
      ...files.map(({ name }, index) => ({
        ref: ledger.names.job('queue', { run: request.run, job: name }),
        from: null,
        to: entries[index] as string,
      })),
      { ref: ledger.names.run(request.run), from: null, to: commit },
    ],
  };
}

function runMessage(request: RunRequest, blobs: ReadonlyMap<string, string>): string {
  const given = Object.entries(request.overrides).map(([name, value]) => ` --${name} ${oneLine(value)}`);
  return [
    `${request.run}: ${request.workflow}${given.join('')}`,
    ...(request.reason ? ['', request.reason] : []),
    '',
    `Dstack-Format: ${formatVersion}`,
    `Dstack-Run: ${request.run}`,
    `Dstack-Workflow: ${request.workflow}`,
    `Dstack-Variables: ${JSON.stringify(request.overrides)}`,
    ...request.jobs.map(({ spec }) => `Dstack-Job: ${spec.name} ${blobs.get(spec.name)}`),
    '',
  ].join('\n');
}

function oneLine(text: string): string {
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : JSON.stringify(text);
}

/**
 * Publishes a prepared run, create-only: in one push, or where that can't be all or nothing in two, of which the second
 * creates the run once all of its queue entries are there. After an unknown outcome the run's ref is looked at first:
 * the same commit means submitted, another one taken, none means try again.
 * @returns `taken` if the name is in use: draw another
 * @throws DstackError if the repository can't be reached or refuses
 */
export async function submitRun(
  ledger: Ledger,
  prepared: PreparedRun,
  isInterrupted: () => boolean = () => false,
): Promise<'submitted' | 'taken'> {
  const { shared, names } = ledger;
  const ref = names.run(prepared.run);
  if (shared.path !== null && (await shared.list([notesOf()])).has(notesOf()))
    throw notesInTheWay(shared.location);
  const wait = backOff(ledger.clock, 3);
  let atomic = true;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await publish(ledger, prepared, atomic);
    if (outcome.ok && atomic) return 'submitted';
    if (!outcome.ok && /does not support --atomic/.test(outcome.failure.words)) {
      atomic = false;
      attempt -= 1;
      continue;
    }
    const refs = await listAfter(ledger, prepared.run, [ref, names.ofRun('queue', prepared.run)]);
    const tip = refs.get(ref);
    if (outcome.ok || tip === prepared.commit) {
      await completeRun(ledger, prepared);
      return 'submitted';
    }
    const foreign = prepared.updates.some(
      (update) => refs.has(update.ref) && refs.get(update.ref) !== update.to,
    );
    if (tip !== undefined || foreign) {
      await clear(ledger, prepared, refs);
      return 'taken';
    }
    const hopeless = ['refused-by-hook', 'read-only', 'shallow'].includes(outcome.failure.code);
    if (isInterrupted() || hopeless || (await wait(attempt))) {
      await clear(ledger, prepared, refs);
      if (!isInterrupted()) throw submitFailed(ledger, outcome.failure);
      throw new DstackError('interrupted', 'interrupted: nothing was submitted', { exitCode: 130 });
    }
  }
}

async function publish(
  { shared, names }: Ledger,
  prepared: PreparedRun,
  atomic: boolean,
): Promise<PushOutcome> {
  if (atomic) return shared.push(prepared.updates, { atomic });
  const run = names.run(prepared.run);
  const entries = await shared.push(prepared.updates.filter(({ ref }) => ref !== run));
  // Without this order, two that draw the same name at once could each have entries among the other's.
  return entries.ok ? shared.push(prepared.updates.filter(({ ref }) => ref === run)) : entries;
}

/** Removes what a push that wasn't atomic has left: queue entries without their run, or among another's. */
async function clear(
  ledger: Ledger,
  prepared: PreparedRun,
  refs: ReadonlyMap<string, string>,
): Promise<void> {
  const left = prepared.updates.filter(({ ref, to }) => refs.get(ref) === to);
  await ledger.shared.push(left.map(({ ref, to }) => ({ ref, from: to, to: null })));
}

function submitFailed(ledger: Ledger, failure: Parameters<typeof unreachable>[1]): DstackError {
  const error = unreachable(ledger.shared.location, failure);
  return new DstackError(error.code, `nothing was submitted: ${error.message}`, { hint: error.hint });
}

/** What a run commit's message says, for programs. Null if it isn't one that this version can read. */
export interface RunMessage {
  readonly run: string;
  readonly workflow: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Job name → blob id of its `job.json`, in dependency order. */
  readonly jobs: ReadonlyMap<string, string>;
  readonly reason: string | null;
}

export function parseRunMessage(message: string): RunMessage | null {
  const paragraphs = message.trimEnd().split(/\n\n+/);
  const trailers = new Map<string, string>();
  const jobs = new Map<string, string>();
  for (const line of (paragraphs.at(-1) ?? '').split('\n')) {
    const match = /^(Dstack-[A-Za-z-]+): (.*)$/.exec(line);
    if (!match) continue;
    if (match[1] === 'Dstack-Job') {
      const [name, blob] = (match[2] as string).split(' ');
      if (name && isName(name) && blob && isObjectId(blob)) jobs.set(name, blob);
    } else {
      trailers.set(match[1] as string, match[2] as string);
    }
  }
  const run = trailers.get('Dstack-Run');
  const workflow = trailers.get('Dstack-Workflow');
  if (trailers.get('Dstack-Format') !== String(formatVersion) || !run || !workflow) return null;
  return {
    run,
    workflow,
    jobs,
    variables: parseVariables(trailers.get('Dstack-Variables')),
    reason: paragraphs.length > 2 ? paragraphs.slice(1, -1).join('\n\n') : null,
  };
}

function parseVariables(text: string | undefined): Record<string, string> {
  try {
    const data: unknown = JSON.parse(text ?? '{}');
    if (typeof data !== 'object' || data === null) return {};
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, String(value)]));
  } catch {
    return {};
  }
}
