import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { watchRefs } from '../host/github-changes.ts';
import { type CheckMemory, showRun } from '../host/github-checks.ts';
import { type GitHubClient, unlikeGitHub } from '../host/github-client.ts';
import { GitHubFailure } from '../host/github-failure.ts';
import type { GitHubRepository } from '../host/github-repository.ts';
import { hasEnded, type LogTail } from '../host/run-report.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { readClaimTip } from '../ledger/live.ts';
import { logNote } from '../ledger/log-note.ts';
import type { RunCommit } from '../ledger/read-state.ts';
import type { JobId } from '../ledger/refs.ts';
import { parseRunMessage } from '../ledger/run-message.ts';
import { runProgress, tellingJobs } from '../ledger/run-progress.ts';
import type { RunView } from '../ledger/state.ts';
import { connectToGitHub } from './connect-to-github.ts';
import { openReports } from './open-reports.ts';

/** How a runner is in touch with GitHub. Nothing of a run depends on it. */
export interface GitHubReporter {
  /** A job of a run has been claimed, or has ended: the run is shown anew at its commit, in a while. */
  onJob(id: JobId): void;
  /** See {@link watchRefs}. */
  hasChanged(): Promise<boolean>;
  /** Ends once everything is told, or it takes too long. */
  close(): Promise<void>;
}

/** What doesn't change about a run: what its commit says, and the commit that it is shown at. */
interface Shown {
  readonly commit: string;
  readonly head: RunCommit;
  readonly sha: string;
  readonly asCommitted: boolean;
}

const mostLogs = 3;
const mostTries = 8;
const longestPause = 60_000;
/** When a runner ends, it waits so long for what is still to be told; milliseconds. */
const longestFarewell = 15_000;
const remembered = 100;

/**
 * Tells GitHub of the runs that this runner has a part in, if there is a token. Looking for one can take a while, which
 * nobody waits for. What a former process of this runner has not shown to its end is shown first.
 */
export function openReporter(
  repository: GitHubRepository,
  options: {
    ledger: Ledger;
    log: Pick<Logger, 'info' | 'warn'>;
    env: NodeJS.ProcessEnv;
    /** Where this runner remembers what it has still to show. */
    folder: string;
  },
): GitHubReporter {
  const { ledger, log, env } = options;
  const { names, shared } = ledger;
  const closing = new AbortController();
  const open = openReports(options.folder);
  const connect = () => connectToGitHub(repository, env, closing.signal);
  const watched = [`${names.area('queue')}/`, 'refs/heads/', 'refs/tags/'];
  const where = `${repository.owner}/${repository.name}`;
  let client: GitHubClient | null = null;
  /** There was no token at the start: then nothing is shown. */
  let isSilent = false;
  const begun = connect().then((found) => {
    client = found;
    isSilent = found === null;
    if (closing.signal.aborted) return;
    if (found) {
      log.info({ repository: where }, 'runs are shown on GitHub');
      for (const run of open.left()) due.add(run);
      if (due.size > 0) begin();
    } else log.info({ repository: where }, 'runs are not shown on GitHub: there is no token for it');
  });
  const changes = watchRefs(() => client, watched);
  const memory: CheckMemory = { statusesOnly: false };
  const known = new Map<string, Shown | null>();
  const told = new Set<string>();
  const due = new Set<string>();
  let working: Promise<void> | null = null;
  let current: string | null = null;
  let goesOnAt = Number.NEGATIVE_INFINITY;

  const warnOnce = (message: string, hint: string | undefined) => {
    if (told.has(message)) return;
    if (told.size >= remembered) told.clear();
    told.add(message);
    log.warn({ repository: where, hint }, message);
  };

  const shownOf = async (github: GitHubClient, run: string): Promise<Shown | null> => {
    const ref = names.run(run);
    const commit = (await shared.tips([ref])).get(ref);
    if (commit === undefined) return null;
    const before = known.get(commit);
    if (before !== undefined) return before;
    const found = await readShown(github, commit, run);
    known.set(commit, found);
    for (const old of [...known.keys()].slice(0, -remembered)) known.delete(old);
    return found;
  };

  const report = async (github: GitHubClient, run: string): Promise<void> => {
    const shown = await shownOf(github, run);
    if (shown === null) {
      open.remove(run);
      return;
    }
    const { commit, head, sha, asCommitted } = shown;
    const show = async (state: RunView): Promise<void> => {
      const logs = hasEnded(state) ? await logsOf(ledger, state) : [];
      await showRun(github, { run: state, sha, runCommit: commit, asCommitted, logs }, memory, (reason) =>
        log.warn({ reason }, 'check runs need the token of a GitHub App: only commit statuses are written'),
      );
    };
    const state = await runProgress(ledger, run, commit, head);
    await show(state);
    // Another may have brought it to its end, and shown that, while this was written.
    const now = hasEnded(state) ? state : await runProgress(ledger, run, commit, head);
    if (!hasEnded(now)) return;
    if (now !== state) await show(now);
    open.remove(run);
  };

  const work = async (): Promise<void> => {
    const tries = new Map<string, number>();
    await begun;
    if (isSilent) {
      for (const run of due) open.remove(run);
      due.clear();
    }
    for (let [run] = due; run !== undefined; [run] = due) {
      due.delete(run);
      current = run;
      try {
        if (client === null) client = await connect();
        if (client !== null) await report(client, run);
        tries.delete(run);
        current = null;
      } catch (error) {
        if (closing.signal.aborted) return;
        const failure = error instanceof GitHubFailure ? error : null;
        warnOnce((error as Error).message, failure?.hint);
        // What is no longer valid may have been replaced by the time of the next report.
        if (failure?.status === 401) client = null;
        const tried = (tries.get(run) ?? 0) + 1;
        tries.set(run, tried);
        current = null;
        if (failure?.kind === 'refused' || tried >= mostTries) continue;
        due.add(run);
        const pause =
          failure?.kind === 'limited' ? failure.after : Math.min(longestPause, 1_000 * 2 ** tried);
        goesOnAt = performance.now() + pause;
        await sleep(pause, undefined, { signal: closing.signal });
      }
    }
  };
  const begin = () => {
    working ??= work()
      .catch((error: Error) => {
        if (error.name !== 'AbortError') log.warn({ error: error.message }, 'GitHub is not told of a run');
      })
      .finally(() => {
        working = null;
        if (due.size > 0 && !closing.signal.aborted) begin();
      });
  };

  return {
    onJob({ run }) {
      if (isSilent) return;
      open.add(run);
      due.add(run);
      begin();
    },
    hasChanged: changes.hasChanged,
    async close() {
      const ended = new AbortController();
      const patience = sleep(longestFarewell, undefined, { signal: ended.signal }).catch(() => {});
      const willGoOn = goesOnAt - performance.now() < longestFarewell;
      if (working && willGoOn) await Promise.race([working, patience]);
      ended.abort();
      closing.abort();
      const untold = new Set(current === null ? due : [current, ...due]);
      if (untold.size > 0) log.warn({ runs: [...untold] }, 'GitHub is not told how these runs stand');
    },
  };
}

/** From GitHub itself, so that no snapshot has to be fetched for it. @returns null if there is no commit to show it at */
async function readShown(
  { octokit, at, repository }: GitHubClient,
  commit: string,
  run: string,
): Promise<Shown | null> {
  const commitAt = async (id: string) => {
    try {
      const { data } = await octokit.rest.git.getCommit({ ...at, commit_sha: id });
      if (data.sha !== id) throw unlikeGitHub(repository);
      return data;
    } catch (error) {
      if (error instanceof GitHubFailure && (error.status === 404 || error.status === 422)) return null;
      throw error;
    }
  };
  const own = await commitAt(commit);
  const message = own && parseRunMessage(own.message);
  const sha = own?.parents[0]?.sha;
  if (!own || message?.run !== run || sha === undefined) return null;
  const parent = await commitAt(sha);
  if (!parent) return null;
  const head = { message, submittedAt: own.committer.date, submittedBy: own.author.name };
  return { commit, head, sha, asCommitted: parent.tree.sha === own.tree.sha };
}

async function logsOf(ledger: Ledger, run: RunView): Promise<LogTail[]> {
  const tails: LogTail[] = [];
  for (const { name, commit } of tellingJobs(run, mostLogs)) {
    const tip = commit === null ? null : await readClaimTip(ledger, commit).catch(() => null);
    if (tip?.kind !== 'finished' || tip.record.log.bytes === 0) continue;
    const note = await logNote(ledger.shared, tip.commit, tip.record);
    tails.push({ job: name, text: note.slice(note.indexOf('\n\n') + 2) });
  }
  return tails;
}
