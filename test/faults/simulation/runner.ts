import type { Claimant } from '../../../src/ledger/claims.ts';
import { closeJob } from '../../../src/ledger/close-job.ts';
import { type Action, decide } from '../../../src/ledger/decide.ts';
import type { Gang } from '../../../src/ledger/gangs/formats.ts';
import { type Live, openLiveReader } from '../../../src/ledger/live.ts';
import { watchForOrphans } from '../../../src/ledger/orphans.ts';
import { jobName } from '../../../src/ledger/refs.ts';
import { makersByKey, othersOf } from '../../../src/ledger/same-key.ts';
import { settle } from '../../../src/ledger/settle.ts';
import { openLookout } from '../../../src/runner/lookout.ts';
import { openSettler } from '../../../src/runner/settler.ts';
import { execute, type JobControl, quiet } from './execution.ts';
import { simulateGangs } from './gangs.ts';
import { ledgerOf, type Stage } from './stage.ts';
import type { Actor } from './world.ts';

/** Seconds, in place of a day: longer than any call takes. */
const patience = 45;

/**
 * A runner: the real code of the ledger, of looking out and of keeping leases, with a job that takes its time instead
 * of a container. Looks, acts, waits; until it has left.
 * @param leaves tells whether it is to give back what it has
 */
export async function runner(
  stage: Stage,
  actor: Actor,
  claimant: Claimant,
  concurrency: number,
  leaves: () => boolean,
): Promise<void> {
  const ledger = ledgerOf(stage, actor);
  const reader = openLiveReader(ledger);
  const lookout = openLookout(ledger, reader);
  const own = new Map<string, JobControl>();
  const suspicious = new Set<string>();
  const removeOrphans = watchForOrphans(ledger, patience);
  const settler = openSettler(ledger, quiet);
  const gangs = simulateGangs(stage, actor, ledger, claimant);
  const begin = async (action: Extract<Action, { do: 'execute' | 'gather' }>, gang: Gang | null) => {
    const key = jobName(action.entry.id);
    const makers = makersByKey(seen, lookout.silence, new Set(own.keys()));
    const silent = new Set(othersOf(makers, action.entry).map(({ commit }) => commit));
    const control = await execute(
      stage,
      actor,
      ledger,
      action.entry,
      action.over,
      gang ? { ...claimant, gang } : claimant,
      silent,
      settler,
      () => own.delete(key),
    ).catch(() => null);
    if (control) own.set(key, control);
    else suspicious.add(action.entry.id.run);
    if (control && gang) gangs.takeBack(key);
  };
  let seen: Pick<Live, 'queue' | 'claims'> = { queue: new Map(), claims: new Map() };
  const loop = {};
  while (!leaves() || own.size + gangs.size() > 0) {
    try {
      const live = await lookout.look(suspicious);
      seen = live;
      stage.busy.set(loop, actor);
      suspicious.clear();
      await removeOrphans(live);
      for (const [key, control] of own) {
        const request = live.stops.get(key);
        if (request && request.stop.queue === live.queue.get(key)?.commit)
          control.stop(request.stop.abort ? 'abort' : 'stop', request.stop.by);
        if (leaves()) control.stop('give-back', '');
      }
      for (const control of own.values()) control.see({ live, silence: lookout.silence });
      const actions = decide(live, lookout.silence, new Set(own.keys()));
      const gathers = leaves() ? [] : actions.filter((action) => action.do === 'gather');
      for (const { action, gang } of await gangs.act(
        live,
        lookout.silence,
        gathers,
        concurrency - own.size,
        leaves(),
      ))
        await begin(action, gang);
      for (const action of actions) {
        if (action.do === 'gather') continue;
        if (action.do === 'settle') await settle(ledger, [action]).catch(() => false);
        else if (action.do !== 'execute') {
          const closed = await closeJob(ledger, action, claimant).catch(() => 'unknown');
          if (closed !== 'closed') suspicious.add(action.entry.id.run);
        } else if (!leaves() && own.size + gangs.size() < concurrency) await begin(action, null);
      }
    } catch {
      lookout.failed();
    }
    stage.busy.delete(loop);
    await ledger.clock.sleep(500 + ledger.clock.random() * 1_500);
  }
  await gangs.end();
  await settler.idle();
}
