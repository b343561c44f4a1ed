import { type ChildProcess, spawn } from 'node:child_process';
import { folderIdentity } from './folder-identity.ts';
import { reference, unreference } from './keep-alive.ts';
import type { RefUpdate } from './push.ts';
import { isObjectId } from './repository.ts';
import { gitArguments, gitEnvironment } from './run-git.ts';
import { wasKilled } from './transfer-failure.ts';

/** Which refs are known to be changed, and what Git said of the others; of these nothing is known. */
export interface RefChanges {
  readonly done: ReadonlySet<string>;
  /** Empty if all are done. */
  readonly words: string;
}

/** Changes refs of a repository on this machine through one `git update-ref --stdin` that is kept for a while. */
export interface RefUpdater {
  /** Starts its process, so that a first update has not to wait for that. */
  start(): void;
  /**
   * Changes each ref for itself, in order, or all or none of them where `atomic`; each only if it is what it is said to be.
   */
  update(updates: readonly RefUpdate[], atomic: boolean): Promise<RefChanges>;
  close(): void;
}

/**
 * Milliseconds. Git holds locks only while it changes refs, but what can be seen from outside is a process that has been
 * at work there: none must be older than a lock file has to be before it counts as left behind.
 */
const idleLimit = 3_000;
const ageLimit = 20_000;

/** Git looks whether there is a ref by the name of each id, only to warn of it. */
const idsAreNoNames = ['-c', 'core.warnAmbiguousRefs=false'];

interface Session {
  readonly child: ChildProcess;
  /** The folder that it is in, whatever has been called so since. */
  readonly folder: string | null;
  readonly begun: number;
  /** Git's answers to a transaction that is under way, or the process has ended. */
  onAnswer: ((answer: 'prepared' | 'committed' | 'ended') => void) | null;
  stderr: string;
  ended: boolean;
}

/** What became of some transactions: so many from the first on were committed. */
interface Commits {
  readonly committed: number;
  /** The next one has changed nothing: Git refused it while it looked whether it can be made. */
  readonly untouched: boolean;
  /** Why it was not committed. */
  readonly words: string;
}

/** Opens an updater on a repository's own folder; its process starts with the first update. */
export function openRefUpdater(gitDir: string): RefUpdater {
  let session: Session | null = null;
  let idle: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const end = () => {
    clearTimeout(idle);
    session?.child.stdin?.end();
    session = null;
  };
  const begin = (): Session => {
    const young = session && !session.ended && performance.now() - session.begun < ageLimit;
    // A disk may have been taken away, or another repository put there.
    if (session && young && session.folder !== null && session.folder === folderIdentity(gitDir))
      return session;
    end();
    session = startSession(gitDir);
    return session;
  };

  /** Hands over one transaction after the other. */
  const commit = (transactions: readonly (readonly RefUpdate[])[]): Promise<Commits> =>
    new Promise((resolve) => {
      const input = transactions.map(transaction).join('');
      const now = begin();
      let committed = 0;
      let prepared = 0;
      reference(now.child);
      now.onAnswer = (answer) => {
        if (answer === 'prepared') prepared += 1;
        if (answer === 'committed') committed += 1;
        const ended = answer === 'ended';
        if (!ended && committed < transactions.length) return;
        now.onAnswer = null;
        if (ended && session === now) session = null;
        resolve({ committed, untouched: prepared === committed, words: ended ? reasonOf(now.stderr) : '' });
      };
      now.child.stdin?.write(input);
    });

  const rest = () => {
    if (!session) return;
    unreference(session.child);
    idle = setTimeout(end, idleLimit);
    idle.unref();
  };

  const update = async (updates: readonly RefUpdate[], atomic: boolean): Promise<RefChanges> => {
    clearTimeout(idle);
    const done = new Set<string>();
    const words: string[] = [];
    // All together first: each transaction takes a lock of its own, and one that deletes writes all packed refs anew.
    let left: readonly (readonly RefUpdate[])[] = [updates];
    while (left.length > 0) {
      const answer = await commit(left);
      for (const { ref } of left.slice(0, answer.committed).flat()) done.add(ref);
      // Git has ended with the first that it could not commit, and seen none of those after it.
      const refused = left[answer.committed];
      left = left.slice(answer.committed + 1);
      if (refused && refused.length > 1 && !atomic && answer.untouched) left = refused.map((one) => [one]);
      else if (refused) words.push(answer.words);
    }
    rest();
    return { done, words: words.join('\n') };
  };

  return {
    start() {
      if (session) return;
      begin();
      rest();
    },
    update(updates, atomic) {
      if (updates.length === 0) return Promise.resolve({ done: new Set(), words: '' });
      const result = last.then(() => update(updates, atomic));
      last = result.catch(() => {});
      return result;
    },
    close() {
      last.then(end);
    },
  };
}

function startSession(gitDir: string): Session {
  const folder = folderIdentity(gitDir);
  const child = spawn('git', gitArguments([...idsAreNoNames, 'update-ref', '--stdin', '-z']), {
    cwd: gitDir,
    // Given a whole path, Git makes folders anew that are not there: what looks like an empty repository where none is.
    env: gitEnvironment({ gitDir: '.' }),
    stdio: ['pipe', 'pipe', 'pipe'],
    // A Ctrl+C in the terminal is not for it; it ends when its input does.
    detached: true,
  });
  const session: Session = {
    child,
    folder,
    begun: performance.now(),
    onAnswer: null,
    stderr: '',
    ended: false,
  };
  let received = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (received + chunk.toString('latin1')).split('\n');
    received = lines.pop() as string;
    for (const line of lines) {
      if (line === 'prepare: ok') session.onAnswer?.('prepared');
      if (line === 'commit: ok') session.onAnswer?.('committed');
    }
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    session.stderr += chunk.toString('utf8');
  });
  const fail = (error?: unknown) => {
    session.ended = true;
    const isAway = error !== undefined && folderIdentity(gitDir) === null;
    if (isAway) session.stderr ||= `fatal: '${gitDir}' does not appear to be a git repository`;
    if (error instanceof Error) session.stderr ||= `fatal: ${error.message}`;
    session.onAnswer?.('ended');
  };
  child.on('error', fail);
  child.on('close', () => fail());
  // The reason is told when it has ended.
  child.stdin?.on('error', () => {});
  return session;
}

/** Git's reason, as a push would put it; without its advice. */
function reasonOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => /^(fatal|error):/.test(line));
  const reasons = lines.map((line) =>
    line.replace(/^(\w+: )(prepare|commit): /, '$1').replaceAll('/./', '/'),
  );
  if (reasons.length === 0) return stderr.trim() || `fatal: ${wasKilled} (update-ref)`;
  return reasons
    .map((line) =>
      /but expected|reference already exists|unable to resolve reference/.test(line)
        ? '[rejected] (stale info)'
        : line,
    )
    .join('\n');
}

/** One transaction in the language of `git update-ref --stdin -z`: an id that is left empty is not looked at. */
function transaction(updates: readonly RefUpdate[]): string {
  const commands = updates.map(({ ref, from, to }) => {
    for (const id of [from, to]) {
      if (typeof id === 'string' && !isObjectId(id)) throw new Error(`not an object id: ${id}`);
    }
    if (ref.includes('\0')) throw new Error('a ref with a NUL in its name');
    if (to === null) return `delete ${ref}\0${from ?? ''}\0`;
    return from === null ? `create ${ref}\0${to}\0` : `update ${ref}\0${to}\0${from ?? ''}\0`;
  });
  return `start\0${commands.join('')}prepare\0commit\0`;
}
