import { type ChildProcess, spawn } from 'node:child_process';
import { DstackError } from '../errors.ts';
import type { Child, ChildSpec, Exit } from './children.ts';
import type { JobGroup } from './job-group.ts';
import { argumentsFor, ownProgramEnvironment } from './own-program.ts';
import { hasProc } from './process-table.ts';

/** One line of the pipe to the spawner process, as JSON: what to start, and where its output goes. */
export interface SpawnRequest extends ChildSpec {
  readonly id: number;
  /** A path by which the pipe can be opened. */
  readonly output: string;
}

/** One line of the pipe from it. */
export type SpawnAnswer =
  | { is: 'ready' }
  | { is: 'started'; id: number; job: JobGroup }
  /** Nothing was started. `here`: it can be started by whoever asked. */
  | { is: 'failed'; id: number; message: string; here: boolean }
  | { is: 'ended'; id: number; exit: Exit };

/**
 * A small process of its own that starts the shells of many short jobs. A fork copies what describes the memory of who
 * forks: of a runner, that takes longer than anything else about a job of no length.
 */
export interface Spawner {
  /**
   * Starts a shell as a child of that process, otherwise as `startChild` does.
   * @param output a file descriptor of this process; close it afterwards
   * @returns null if it is to be started by this process: there are too few to have another one for it, or it is not up
   * @throws Error if it can't be started; DstackError `spawner-killed` if it is unknown whether it was
   */
  start(spec: ChildSpec, output: number): Promise<Child | null>;
  /** Sends it away. Nothing that it has started may be running. */
  close(): Promise<void>;
}

export interface SpawnerOptions {
  /** The file that runs `spawner-process.ts`: a bundle of it, or itself. */
  script: string;
  /** It pays off once so many jobs were started within the time for which it is kept unused. */
  worthwhile?: number;
  /** Milliseconds. */
  idleLimit?: number;
}

interface Asked {
  started(child: Child | null): void;
  failed(error: Error): void;
  ended: ((exit: Exit) => void) | null;
}

interface Session {
  readonly child: ChildProcess;
  readonly asked: Map<number, Asked>;
  readonly exited: Promise<void>;
  isReady: boolean;
}

/** Starting it takes as long as so many forks of a runner. */
const usuallyWorthwhile = 10;
const usualIdleLimit = 15_000;

/** @returns null where it can't be handed a pipe */
export function openSpawner(options: SpawnerOptions): Spawner | null {
  if (!hasProc) return null;
  const { script, worthwhile = usuallyWorthwhile, idleLimit = usualIdleLimit } = options;
  let session: Session | null = null;
  /** It didn't start, or can't open pipes of this process: not tried again. */
  let isUseless = false;
  let closed = false;
  let count = 0;
  let idle: NodeJS.Timeout | undefined;
  let recent: number[] = [];

  const isWorthwhile = (): boolean => {
    const now = performance.now();
    recent = [...recent.filter((at) => now - at < idleLimit), now].slice(-worthwhile);
    return recent.length >= worthwhile;
  };
  const begin = (): Session => {
    const begun = startSession(script, () => {
      if (!begun.isReady) isUseless = true;
      if (session === begun) session = null;
    });
    return begun;
  };
  const rest = (of: Session): void => {
    if (of.asked.size > 0) return;
    hold(of.child, false);
    clearTimeout(idle);
    idle = setTimeout(() => {
      if (of.asked.size > 0) return;
      if (session === of) session = null;
      of.child.stdin?.end();
    }, idleLimit);
    idle.unref();
  };

  return {
    async start(spec, output) {
      if (isUseless || closed) return null;
      if (!session && !isWorthwhile()) return null;
      session ??= begin();
      const now = session;
      if (!now.isReady) return null;
      count += 1;
      const id = count;
      const request: SpawnRequest = { ...spec, id, output: `/proc/${process.pid}/fd/${output}` };
      hold(now.child, true);
      const child = await new Promise<Child | null>((resolve, reject) => {
        now.asked.set(id, { started: resolve, failed: reject, ended: null });
        now.child.stdin?.write(`${JSON.stringify(request)}\n`);
      }).finally(() => rest(now));
      if (child === null) isUseless = true;
      else void child.exited.catch(() => {}).finally(() => rest(now));
      return child;
    },
    async close() {
      closed = true;
      clearTimeout(idle);
      const last = session;
      if (last === null) return;
      hold(last.child, true);
      last.child.stdin?.end();
      await last.exited;
    },
  };
}

function startSession(script: string, gone: () => void): Session {
  // A fork costs by the memory of this process: of young objects it keeps few.
  const child = spawn(process.execPath, ['--max-semi-space-size=1', ...argumentsFor(script)], {
    cwd: '/',
    detached: true, // A session of its own: no Ctrl+C and no signal to the runner's group reaches it.
    env: ownProgramEnvironment(process.env),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const asked = new Map<number, Asked>();
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      gone();
      const error = new DstackError(
        'spawner-killed',
        'the process that starts jobs for this runner has been killed',
        { hint: 'it was short of memory, or somebody ended it: the next job starts another' },
      );
      for (const one of asked.values()) one.failed(error);
      asked.clear();
      resolve();
    };
    child.once('error', end);
    // After its last line has been read.
    child.once('close', end);
  });
  const session: Session = { child, asked, exited, isReady: false };
  child.stdin.on('error', () => {}); // 'close' follows.
  let received = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (received + text).split('\n');
    received = lines.pop() ?? '';
    for (const line of lines) follow(session, JSON.parse(line) as SpawnAnswer);
  });
  hold(child, false);
  return session;
}

function follow(session: Session, answer: SpawnAnswer): void {
  if (answer.is === 'ready') {
    session.isReady = true;
    return;
  }
  const one = session.asked.get(answer.id);
  if (!one) return;
  if (answer.is === 'started') {
    const exited = new Promise<Exit>((resolve, reject) => {
      one.ended = resolve;
      one.failed = reject;
    });
    exited.catch(() => {}); // Whoever was given it hears of it.
    one.started({ job: answer.job, exited });
    return;
  }
  session.asked.delete(answer.id);
  if (answer.is === 'ended') one.ended?.(answer.exit);
  else if (answer.here) one.started(null);
  else one.failed(new Error(answer.message));
}

/** Does what is going on there keep this process from ending? */
function hold(child: ChildProcess, holds: boolean): void {
  for (const handle of [child, child.stdin, child.stdout]) {
    const one = handle as unknown as { ref(): void; unref(): void } | null;
    if (holds) one?.ref();
    else one?.unref();
  }
}
