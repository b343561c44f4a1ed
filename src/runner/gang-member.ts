import { join } from 'node:path';
import { DstackError, reasonIn } from '../errors.ts';
import { cutShort } from '../executor/executions.ts';
import type { Execution, ExecutionResult, ImageIdentity } from '../executor/executor.ts';
import type { Allotment } from '../ledger/allotments.ts';
import type { NodeEnd } from '../ledger/gangs/formats.ts';
import type { NodeChange } from '../ledger/gangs/node-holder.ts';
import { inputsFailed } from '../ledger/reasons.ts';
import { jobName } from '../ledger/refs.ts';
import { gangEnvironment } from './gang-environment.ts';
import type { Joining, Member } from './gathering.ts';
import { inputSteps } from './input-steps.ts';
import { type JobSecrets, obtainSecrets } from './job-secrets.ts';
import { openLogPump } from './log-pump.ts';
import { onceInContact } from './once-in-contact.ts';
import { runCommands } from './run-commands.ts';
import { setFrozen } from './set-frozen.ts';
import { setupOf } from './setup-cache.ts';
import { reportStates } from './state-report.ts';
import { timeLimit } from './time-limit.ts';
import { inWorkFolder, makeWorkFolder } from './work-folder.ts';
import type { Workplace } from './workplace.ts';

/** Longer texts would not be legal in a ref. */
const longestText = 1_000;

/**
 * One node of a gang beside that of rank 0: the same inputs, the same commands. It publishes nothing but its log and how it
 * ended, by its own ref; artifacts are those of the node of rank 0.
 */
export function startMember(work: Workplace, joining: Joining, allotment: Allotment): Member {
  const { holder, rank } = joining;
  let ending: 'stop' | 'abort' | 'leave' | null = null;
  let execution: Execution | null = null;
  let frozen = false;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const graceOf = (how: typeof ending) => (how === 'abort' ? 0 : work.grace);
  const course: MemberCourse = {
    begun,
    isOver: () => ending !== null,
    isLeaving: () => ending === 'leave',
    started(value) {
      execution = value;
      if (frozen) setFrozen(work, holder.entry.id, value, true);
      if (ending !== null) void value.stop(graceOf(ending));
    },
  };
  work.log.info({ job: jobName(holder.entry.id), rank }, 'joins as a node');
  const ended = carryOutNode(work, joining, allotment, course)
    .catch(async (error: unknown) => {
      const words = String((error as Error).message);
      work.log.error({ job: jobName(holder.entry.id), error: words }, 'a node could not be carried through');
      await holder.renew({ state: 'ended', end: endOf({ ...cutShort, failure: words }, false) });
      return 'ended' as const;
    })
    .catch(() => 'withdrawn' as const);
  return {
    begin,
    end(how) {
      if (ending !== null && how !== 'abort') return;
      ending = how;
      begin();
      void execution?.stop(graceOf(how));
    },
    freeze() {
      frozen = true;
      setFrozen(work, holder.entry.id, execution, true);
    },
    thaw() {
      frozen = false;
      setFrozen(work, holder.entry.id, execution, false);
    },
    ended,
  };
}

interface MemberCourse {
  readonly begun: Promise<void>;
  isOver(): boolean;
  isLeaving(): boolean;
  started(execution: Execution): void;
}

function endOf({ exitCode, signal, failure, outOfMemory, lost }: ExecutionResult, left: boolean): NodeEnd {
  return {
    exitCode,
    signal,
    failure: failure?.slice(0, longestText) ?? null,
    outOfMemory: outOfMemory ?? false,
    lost: lost ?? false,
    left,
  };
}

async function carryOutNode(
  work: Workplace,
  joining: Joining,
  allotment: Allotment,
  course: MemberCourse,
): Promise<'ended' | 'withdrawn'> {
  const { holder, gang } = joining;
  const { entry } = holder;
  await holder.renew({ state: 'joined', gang: gang.id });
  try {
    await onceInContact(() => work.snapshots.fetch(entry), course.isOver);
  } catch (error) {
    if (course.isOver() || (error instanceof DstackError && error.code === 'run-missing')) return 'withdrawn';
    const failure = inputsFailed(reasonIn(error));
    await holder.renew({ state: 'ended', end: endOf({ ...cutShort, failure }, false) });
    return 'ended';
  }
  const secrets = await obtainSecrets(work, entry);
  if (!secrets || course.isOver()) return 'withdrawn';
  const folder = await makeWorkFolder(work, entry);
  return inWorkFolder(folder, work, secrets, () =>
    executeNode(folder, work, joining, allotment, course, secrets),
  );
}

async function executeNode(
  folder: string,
  work: Workplace,
  { holder, lease, gang, rank }: Joining,
  allotment: Allotment,
  course: MemberCourse,
  secrets: JobSecrets,
): Promise<'ended' | 'withdrawn'> {
  const { entry } = holder;
  const workspace = join(folder, 'workflow');
  const states = secrets.coverStates(
    reportStates(({ state, detail = null }) =>
      holder.renew({ detail, ...(state === 'pulling' || state === 'running' ? { state } : {}) }),
    ),
  );
  const pump = await openLogPump({
    file: join(folder, 'log'),
    inherited: null,
    store: work.store,
    whole: false,
    send: (chunks) => holder.renew({ chunks }),
  });
  const output = secrets.coverOutput(pump);
  /** Of earlier attempts: what the claim that it has joined says. */
  const earlier = { claim: () => lease.claim, tip: () => lease.commit };
  const say = (line: string) => pump.push(Buffer.from(`dstack: ${line}\n`));
  const setup = setupOf(work, entry, { folder, workspace }, say);
  const steps = [...inputSteps(work, entry, earlier, workspace, say), () => setup.restore(course.isOver)];
  try {
    let result: ExecutionResult & { image?: ImageIdentity } = cutShort;
    try {
      for (const step of steps) if (!course.isOver()) await onceInContact<unknown>(step, course.isOver);
      if (course.isOver()) return 'withdrawn';
      await holder.renew({ state: 'ready' });
      await course.begun;
      if (!course.isOver()) {
        result = await runCommands(
          work,
          {
            ...lease.claim,
            runner: work.claimant.runner,
            host: work.claimant.host,
            nonce: holder.claim().offer,
          },
          secrets.addTo(entry.job.spec),
          { workspace, home: setup.home },
          output,
          states,
          {
            started: course.started,
            begin() {},
            // The node of rank 0 looks after the time.
            limit: timeLimit(null, () => {}),
            allotment,
            gang: { env: gangEnvironment(gang, rank), rendezvous: null, join: (own) => own },
          },
        );
      }
    } catch (error) {
      if (course.isOver()) return 'withdrawn';
      result = { ...cutShort, failure: inputsFailed(reasonIn(error)) };
    }
    if (result.exitCode === 0 && !course.isOver()) await setup.keep(result.image ?? null);
    output.end();
    const { rest } = await pump.end();
    states.take();
    const end = endOf(secrets.hideInResult(result), course.isLeaving());
    const told: NodeChange = { state: 'ended', detail: null, end, chunks: rest };
    await holder.renew(told);
    return 'ended';
  } finally {
    states.take();
    pump.close();
  }
}
