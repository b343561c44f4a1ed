import { cutShort } from '../executor/executions.ts';
import type { Execution, ExecutionResult } from '../executor/executor.ts';
import type { ClaimHolder } from '../ledger/claim-holder.ts';
import type { Seen } from '../ledger/gangs/fate.ts';
import { inOrder } from '../ledger/in-order.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { nodeLost, nodeName } from '../ledger/reasons.ts';
import type { Course, GangPart } from './course.ts';
import { gangEnvironment } from './gang-environment.ts';
import { leadGang, type Peer } from './gang-leader.ts';
import type { LogPump } from './log-pump.ts';
import { type PrefixedLines, prefixedLines } from './prefixed-lines.ts';
import type { Workplace } from './workplace.ts';

/** What the node of rank 0 has to do with the others, beside its own commands. */
export interface GangCourse extends GangPart {
  /** To be called at each look. */
  see(seen: Seen): void;
  /** The job is to end: the others are not waited for any more before the beginning. */
  cut(): void;
  /** Where its own output goes, so that each line of the log says whose it is; the others' goes there, too. */
  cover(pump: Pick<LogPump, 'push'>): PrefixedLines;
  /** Waits until all are ready, and lets them begin. @returns null, or why that is not to be */
  gather(): Promise<ExecutionResult | null>;
}

/** What the parts of an execution share, of whoever has the claim. */
export interface LeadingCourse extends Course {
  readonly gang: GangCourse | null;
}

const isWell = ({ exitCode, failure, node }: ExecutionResult) =>
  exitCode === 0 && failure === null && node === undefined;

/** How the commands of another node have ended, as the end of the job's own. */
function resultOf({ rank, runner, end, state }: Peer): ExecutionResult {
  const node = nodeName(rank, runner);
  if (state !== 'ended' || end === null)
    return { exitCode: null, signal: null, failure: nodeLost, lost: true, node };
  const { exitCode, signal, failure, outOfMemory, lost } = end;
  return {
    exitCode,
    signal,
    failure,
    node,
    ...(outOfMemory && { outOfMemory }),
    ...(lost && { lost }),
  };
}

export function openGangCourse(
  work: Pick<Workplace, 'ledger' | 'store' | 'claimant' | 'grace'>,
  holder: ClaimHolder,
  course: Pick<Course, 'ending'>,
): GangCourse {
  const { ledger } = work;
  const { shared, clock } = ledger;
  let pump: Pick<LogPump, 'push'> = { push() {} };
  const lines = new Map<number, PrefixedLines & { next: number }>();
  const oneAtATime = inOrder();
  const linesOf = (rank: number) => {
    const known = lines.get(rank) ?? {
      ...prefixedLines(`[${rank}] `, { push: (bytes) => pump.push(bytes) }),
      next: 0,
    };
    lines.set(rank, known);
    return known;
  };
  const pull = async (rank: number, commit: string) => {
    const from = linesOf(rank);
    const readStored = (sha256: string) => work.store.read(sha256);
    for await (const { next, bytes } of readLog(shared, commit, from.next, readStored)) {
      from.push(bytes);
      from.next = next;
    }
  };
  const leader = leadGang(holder, (rank, commit) => {
    // What can't be read now is read with the next one.
    void oneAtATime(() => pull(rank, commit)).catch(() => {});
  });
  /** Resolves with null once nobody waits for the others any more. */
  const [abandoned, abandon] = signal();
  const [isCut, cut] = signal();
  const say = (text: string) => pump.push(Buffer.from(`dstack: ${text}\n`));
  const longest = 2_000 * work.claimant.lease + work.grace;

  /** Ends the others, and has all that they have said. */
  const endOthers = async () => {
    const [over, stopWaiting] = signal();
    const endWaiting = clock.every(longest, stopWaiting);
    await Promise.race([leader.end(), abandoned, over]);
    endWaiting();
    await Promise.race([oneAtATime(async () => {}), abandoned]);
    for (const [rank, one] of lines) if (rank > 0) one.end();
  };
  /** Whoever has left has not failed: the job is given back, to be begun elsewhere. */
  const judge = (peer: Peer): ExecutionResult => {
    const { ending } = course;
    if (peer.end?.left && ending.kind === null) {
      ending.kind = 'give-back';
      ending.by = `the runner ${peer.runner}, which has left`;
      return cutShort;
    }
    const result = resultOf(peer);
    const how = result.failure ?? result.signal ?? `exit code ${result.exitCode}`;
    say(`node ${peer.rank} on ${peer.runner} has ended: ${how}; so all are ended`);
    return result;
  };

  const ofOwn = (result: ExecutionResult, isStopping: boolean): ExecutionResult =>
    isStopping || isWell(result) ? result : { ...result, node: nodeName(0, work.claimant.runner) };

  const jointResult = async (own: Execution, isStopping: () => boolean): Promise<ExecutionResult> => {
    const first = await Promise.race([
      own.finished.then((result) => ({ result })),
      leader.ended.then((peer) => ({ peer })),
    ]);
    let result: ExecutionResult;
    if ('result' in first) {
      result = ofOwn(first.result, isStopping());
      const peer = isWell(result) && !isStopping() ? await Promise.race([leader.ended, abandoned]) : null;
      if (peer && !isStopping()) result = judge(peer);
    } else if (first.peer !== null && !isStopping()) {
      result = judge(first.peer);
      await own.stop(work.grace);
    } else result = ofOwn(await own.finished, isStopping());
    await endOthers();
    return result;
  };

  return {
    env: gangEnvironment(leader.gang, 0),
    rendezvous: { address: leader.gang.address, port: leader.gang.port },
    see: leader.see,
    cut,
    cover(to) {
      pump = to;
      return linesOf(0);
    },
    async gather() {
      const found = await leader.gathered(isCut);
      if (found === 'cut' || course.ending.kind !== null) return cutShort;
      if (found !== 'ready') {
        if (found.state === 'ended') {
          const result = judge(found);
          await endOthers();
          return result;
        }
        // Nothing of this attempt has been executed.
        course.ending.kind = 'give-back';
        course.ending.by = `the runner ${found.runner}, which has gone before the beginning`;
        return cutShort;
      }
      const places = [work.claimant, ...leader.gang.members].map(
        ({ runner }, rank) => `${rank} on ${runner}`,
      );
      say(`${places.length} nodes: ${places.join(', ')}`);
      await leader.begin();
      return null;
    },
    join(own) {
      let stopping = false;
      const finished = jointResult(own, () => stopping);
      return {
        finished,
        freeze: own.freeze,
        thaw: own.thaw,
        usage: own.usage,
        async stop(graceMs) {
          stopping = true;
          if (graceMs === 0) abandon();
          else void leader.end();
          await own.stop(graceMs);
          await finished;
        },
      };
    },
  };
}

function signal(): [given: Promise<null>, give: () => void] {
  let give = () => {};
  const given = new Promise<null>((resolve) => {
    give = () => resolve(null);
  });
  return [given, give];
}
