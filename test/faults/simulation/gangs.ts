import type { Claimant } from '../../../src/ledger/claims.ts';
import type { Action } from '../../../src/ledger/decide.ts';
import type { Gang } from '../../../src/ledger/gangs/formats.ts';
import { gangOf, offersToMake } from '../../../src/ledger/gangs/gather.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Live } from '../../../src/ledger/live.ts';
import { jobName } from '../../../src/ledger/refs.ts';
import type { SilenceWatch } from '../../../src/ledger/silence.ts';
import { type Joining, type Member, openGathering } from '../../../src/runner/gathering.ts';
import type { Stage } from './stage.ts';
import type { Actor } from './world.ts';

type Gather = Extract<Action, { do: 'gather' }>;

/** What a runner does for jobs on several nodes, as the runner's `openGangShift` does it, without a machine. */
export function simulateGangs(stage: Stage, actor: Actor, ledger: Ledger, claimant: Claimant) {
  let joined = new Set<string>();
  const gathering = openGathering<null>(
    ledger,
    claimant,
    (joining) => {
      joined.add(jobName(joining.holder.entry.id));
      return startMember(stage, actor, ledger, joining);
    },
    (key) => void joined.delete(key),
  );
  return {
    size: () => gathering.shares().size,
    takeBack: gathering.takeBack,
    end: gathering.end,
    /** @returns what it is to begin as the node of rank 0 */
    async act(
      live: Live,
      silence: SilenceWatch,
      gathers: readonly Gather[],
      room: number,
      leaves: boolean,
    ): Promise<{ action: Gather; gang: Gang }[]> {
      const seen = { live, silence };
      gathering.see(seen, live.stops);
      await gathering.clear(seen);
      if (leaves) gathering.leave();
      joined = new Set([...joined].filter((key) => gathering.shares().has(key)));
      const wanted = leaves ? [] : offersToMake(gathers, room - joined.size, () => true);
      gathering.offer(
        wanted.map(({ job: { entry } }) => ({ entry, share: null })),
        seen,
      );
      return gathers.flatMap((action) => {
        const own = gathering.offered(jobName(action.entry.id))?.claim().offer;
        const nodes = own === undefined ? null : gangOf(action.entry, seen);
        if (!nodes?.some(({ node }) => node.offer === own)) return [];
        const members = nodes
          .filter(({ node }) => node.offer !== own)
          .map(({ node: { runner, offer } }) => ({ runner, offer }));
        const gang: Gang = { id: ledger.clock.id(), address: 'a', port: 1, members, phase: 'gathering' };
        return [{ action, gang }];
      });
    },
  };
}

/** A node beside that of rank 0, as the runner's `startMember` is one, without commands. */
function startMember(stage: Stage, actor: Actor, { clock }: Ledger, { holder, gang, rank }: Joining): Member {
  const course = { begun: false, over: false, leaves: false, frozen: false, computing: false };
  const stoodStill = actor.stoppedUntil;
  const live = () => actor.alive && !course.frozen && course.computing && actor.stoppedUntil === stoodStill;
  const computes = () => {
    if (course.computing && !course.frozen) stage.checker.nodeComputes(holder.entry, gang.id, rank, live);
  };
  const run = async (): Promise<'ended' | 'withdrawn'> => {
    await holder.renew({ state: 'joined', gang: gang.id });
    await clock.sleep(clock.random() * 3_000);
    if (course.over || clock.random() < 0.03) return 'withdrawn';
    await holder.renew({ state: 'ready' });
    while (!course.begun && !course.over) await clock.sleep(200);
    course.computing = !course.over;
    computes();
    let work = clock.random() ** 2 * 20_000;
    while (work > 0 && !course.over) {
      const step = 300 + clock.random() * 1_000;
      await clock.sleep(step);
      if (!course.frozen) work -= step;
    }
    course.computing = false;
    const exitCode = course.over || clock.random() < 0.1 ? 1 : 0;
    await holder.renew({
      state: 'ended',
      end: { exitCode, signal: null, failure: null, outOfMemory: false, lost: false, left: course.leaves },
    });
    return 'ended';
  };
  stage.busy.set(course, actor);
  const ended = run()
    .catch(() => 'withdrawn' as const)
    .finally(() => {
      course.computing = false;
      stage.busy.delete(course);
    });
  return {
    begin() {
      course.begun = true;
    },
    end(how) {
      course.over = true;
      if (how === 'leave') course.leaves = true;
    },
    freeze() {
      course.frozen = true;
    },
    thaw() {
      course.frozen = false;
      computes();
    },
    ended,
  };
}
