import { requestStop, type StopTarget, seeStopsThrough } from '../../../src/ledger/stop.ts';
import { ledgerOf, type Stage } from './stage.ts';

/** Somebody who wants some jobs to end, and who may lose patience. */
export async function stopper(
  stage: Stage,
  targets: readonly StopTarget[],
  draw: () => number,
): Promise<void> {
  const { world } = stage;
  const actor = world.actor('stopper');
  const ledger = ledgerOf(stage, actor);
  const instance = ledger.clock.id();
  stage.instances.set(actor, instance);
  stage.busy.set(actor, actor);
  const abort = draw() < 0.5;
  const patience = draw() < 0.3 ? draw() * 40_000 : Number.POSITIVE_INFINITY;
  if (Number.isFinite(patience)) {
    world.at(patience, null, () => {
      actor.alive = false;
    });
  }
  try {
    await ledger.clock.sleep(draw() * 30_000);
    const asked = await requestStop(ledger, targets.slice(0, 2), { abort, by: 'somebody' });
    const claimant = { runner: 'dstack-stop', host: 'h', instance, lease: 6 };
    await seeStopsThrough(
      ledger,
      asked,
      claimant,
      () => ledger.clock.sleep(1_000),
      () => {},
    );
  } catch {
    // It is a person's to try again; the request may stand all the same.
  }
  stage.busy.delete(actor);
}
