import { DstackError } from '../errors.ts';
import { lacksAtomic, type PushOutcome } from '../git/push.ts';
import { backOff } from './back-off.ts';
import { completeRun, listAfter } from './complete-run.ts';
import { findInTheWay, inTheWay } from './in-the-way.ts';
import { isFinalRefusal } from './insist.ts';
import type { Ledger } from './ledger.ts';
import type { PreparedRun } from './prepare-run.ts';
import { unreachable } from './shared-repository.ts';

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
  if (shared.path !== null) await refuseIfInTheWay(ledger);
  const wait = backOff(ledger.clock, 3);
  let atomic = true;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await publish(ledger, prepared, atomic);
    if (outcome.ok && atomic) return 'submitted';
    if (!outcome.ok && lacksAtomic(outcome.failure.words)) {
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
    if (isInterrupted() || isFinalRefusal(outcome.failure) || (await wait(attempt))) {
      await clear(ledger, prepared, refs);
      if (!isInterrupted()) {
        // Elsewhere it costs a call, which is spent only on an explanation.
        if (shared.path === null) await refuseIfInTheWay(ledger);
        throw submitFailed(ledger, outcome.failure);
      }
      throw new DstackError('interrupted', 'interrupted: nothing was submitted', { exitCode: 130 });
    }
  }
}

/** @throws DstackError `notes-ref-in-the-way`, `ref-in-the-way` */
async function refuseIfInTheWay(ledger: Ledger): Promise<void> {
  const ref = await findInTheWay(ledger).catch(() => null);
  if (ref !== null) throw inTheWay(ledger.shared.location, ref);
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
