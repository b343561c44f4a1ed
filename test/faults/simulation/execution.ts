import type { Logger } from 'pino';
import { type RetryReason, retryReasons } from '../../../src/language/job-spec.ts';
import type { ClaimHolder } from '../../../src/ledger/claim-holder.ts';
import { acquireClaim, type Claimant } from '../../../src/ledger/claims.ts';
import { timeOf } from '../../../src/ledger/clock.ts';
import type { Lease } from '../../../src/ledger/decide.ts';
import type { Seen } from '../../../src/ledger/gangs/fate.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openLiveReader, type QueueEntry } from '../../../src/ledger/live.ts';
import type { Outcome } from '../../../src/ledger/records.ts';
import { mayRetry } from '../../../src/ledger/retries.ts';
import { yieldsTo } from '../../../src/ledger/same-key.ts';
import { type GangLeader, leadGang } from '../../../src/runner/gang-leader.ts';
import { keepLease } from '../../../src/runner/lease-keeper.ts';
import { conclude, giveBack, handBack } from '../../../src/runner/publish.ts';
import type { Settler } from '../../../src/runner/settler.ts';
import type { Stage } from './stage.ts';
import type { Actor } from './world.ts';

type How = 'stop' | 'abort' | 'give-back';

/** A hand on a job that is being executed. */
export interface JobControl {
  stop(how: How, by: string): void;
  /** What a look has shown of the other nodes of its job. */
  see(seen: Seen): void;
}

interface Course {
  ending: { how: How; by: string } | null;
  lost: boolean;
  /** Another node has ended badly. */
  failed: boolean;
  frozen: boolean;
  /** It computes; afterwards it only publishes. */
  computing: boolean;
}

export const quiet = { info() {}, warn() {} } as unknown as Logger;

/**
 * Claims a job and sees it through, as the runner's `executeJob` and `carryOut` do, without the files.
 * @param over called when nothing of it is left
 * @returns null if the claim was not won
 */
export async function execute(
  stage: Stage,
  actor: Actor,
  ledger: Ledger,
  entry: QueueEntry,
  lease: Lease | null,
  claimant: Claimant,
  silent: ReadonlySet<string>,
  settler: Settler,
  over: () => void,
): Promise<JobControl | null> {
  const { checker, server, busy } = stage;
  const acquired = await acquireClaim(ledger, entry, claimant, lease);
  if (acquired.result !== 'won') {
    if (acquired.result === 'lost') checker.gaveUp(entry.id, actor, server.refs);
    return null;
  }
  const { holder } = acquired;
  const course: Course = { ending: null, lost: false, failed: false, frozen: false, computing: false };
  const leader = claimant.gang ? leadGang(holder, () => {}) : null;
  const stoodStill = actor.stoppedUntil;
  // Of one that was stood still meanwhile nothing can be said: its job went on while it could not watch its lease.
  const live = () => actor.alive && !course.frozen && course.computing && actor.stoppedUntil === stoodStill;
  const computes = () => {
    if (!course.computing || course.frozen) return;
    checker.computes(entry, holder.claim().attempt, actor, live);
    if (leader) checker.nodeComputes(entry, leader.gang.id, 0, live);
  };
  const keeper = keepLease(
    holder,
    {
      freeze() {
        course.frozen = true;
      },
      thaw() {
        course.frozen = false;
        computes();
      },
      lost() {
        course.lost = true;
      },
    },
    ledger.clock,
  );
  busy.set(holder, actor);
  const yields = async () =>
    lease === null && (await yieldsTo(ledger, openLiveReader(ledger), entry, silent)) !== null;
  void carryOut(stage, ledger, settler, holder, course, leader, yields, computes)
    .catch((error: unknown) => stage.world.note(() => `${actor.name} fails: ${String(error)}`))
    .finally(() => {
      course.computing = false;
      keeper.stop();
      busy.delete(holder);
      over();
    });
  return {
    see: (seen) => leader?.see(seen),
    stop(how, by) {
      // The first one counts, but for an abort.
      if (course.ending === null || (how === 'abort' && course.ending.how !== 'abort'))
        course.ending = { how, by };
    },
  };
}

async function carryOut(
  stage: Stage,
  ledger: Ledger,
  settler: Settler,
  holder: ClaimHolder,
  course: Course,
  leader: GangLeader | null,
  yields: () => Promise<boolean>,
  computes: () => void,
): Promise<void> {
  const { clock } = ledger;
  const end = (outcome: Outcome) =>
    conclude({ ledger, log: quiet, settler }, holder, { leaving: false }, { outcome, artifacts: '{}' });
  // What it needs is put in place; whoever leaves before it has begun has nothing to give back.
  await clock.sleep(clock.random() * 3_000);
  if (!course.lost && course.ending?.how === 'give-back') {
    await holder.withdraw();
    return;
  }
  if (!(await runIsThere(ledger, holder, course))) {
    if (!course.lost) await holder.withdraw();
    return;
  }
  if (clock.random() < 0.2) {
    await end({ state: 'cached', reason: null });
    return;
  }
  if (!course.lost && course.ending === null && (await inContact(clock, course, yields))) {
    await holder.withdraw();
    return;
  }
  if (course.lost) return;
  const others = leader && leadOthers(clock, leader, course);
  if (others && !(await others.gathered())) {
    // Nothing of it has been executed, whatever is to become of it.
    if (!course.lost) await holder.withdraw();
    return;
  }
  course.computing = true;
  computes();
  await compute(stage, ledger, holder, course);
  course.computing = false;
  await others?.end();
  if (course.lost) return;
  const { ending } = course;
  if (ending?.how === 'abort') {
    await end({ state: 'aborted', reason: `by ${ending.by}` });
    return;
  }
  const manifest = clock.id();
  void holder.renew({ state: 'uploading' }).catch(() => {});
  await upload(stage, ledger, manifest);
  const artifacts = { manifest, files: 1, bytes: 1, complete: true };
  const failure =
    others?.failure() ??
    (clock.random() < 0.3 ? retryReasons[Math.floor(clock.random() * retryReasons.length)] : null);
  if (ending?.how === 'give-back') {
    const outcome: Outcome = { state: 'failed', reason: null, artifacts };
    // A runner whose store is away gives back all the same: what was saved before stays.
    const saved = clock.random() < 0.2 ? { outcome } : { outcome, artifacts: manifest };
    await giveBack({ ledger, log: quiet }, holder, { leaving: true }, saved);
  } else if (ending) await end({ state: 'stopped', reason: `by ${ending.by}`, artifacts });
  else if (failure) {
    const outcome: Outcome = { state: 'failed', reason: failure, artifacts };
    if (!mayRetry(holder.entry.job.spec, holder.claim(), failure)) await end(outcome);
    else await handBack({ ledger, log: quiet }, holder, { leaving: false }, { outcome, artifacts: manifest });
  } else await end({ state: 'done', reason: null, exitCode: 0, artifacts });
}

/** The other nodes of a gang, as the runner's `openGangCourse` has them. */
function leadOthers(clock: Ledger['clock'], leader: GangLeader, course: Course) {
  const over = async (isOver: () => boolean) => {
    while (!isOver()) await clock.sleep(300);
  };
  return {
    async gathered(): Promise<boolean> {
      const found = await leader.gathered(over(() => course.lost || course.ending !== null));
      if (found !== 'ready') return false;
      void leader.begin().catch(() => {});
      // With the first one that ends badly all are to end.
      void leader.ended.then((peer) => {
        if (peer) course.failed = true;
      });
      return true;
    },
    async end(): Promise<void> {
      const isAborted = () => course.lost || course.ending?.how === 'abort';
      if (course.ending === null && !course.failed)
        await Promise.race([leader.ended, over(() => course.lost || course.ending !== null)]);
      await Promise.race([leader.end(), over(isAborted)]);
    },
    failure: (): RetryReason | null => (leader.failures().length > 0 ? 'runner-lost' : null),
  };
}

/** As often as it takes, while there is a use in it. */
async function inContact(
  clock: Ledger['clock'],
  course: Course,
  act: () => Promise<boolean>,
): Promise<boolean> {
  while (!course.lost && course.ending === null) {
    const result = await act().catch(() => null);
    if (result !== null) return result;
    await clock.sleep(400);
  }
  return false;
}

/** Where a push isn't atomic, a run's jobs are there before it, or among another's of its name; they do not exist (yet). */
async function runIsThere(
  { shared, names, clock }: Ledger,
  { id, entry }: ClaimHolder,
  course: Course,
): Promise<boolean> {
  while (!course.lost && course.ending === null) {
    const refs = await shared.list([names.run(id.run)]).catch(() => null);
    if (refs) return refs.get(names.run(id.run)) === entry.runCommit;
    await clock.sleep(400);
  }
  return !course.lost;
}

/** Computes, says so in the log, and saves what it has now and then. */
async function compute(stage: Stage, ledger: Ledger, holder: ClaimHolder, course: Course): Promise<void> {
  const { checker } = stage;
  const { clock } = ledger;
  let work = clock.random() ** 2 * 20_000;
  void holder.renew({ state: 'running', startedAt: timeOf(clock) }).catch(() => {});
  while (work > 0 && !course.lost && !course.failed && !course.ending) {
    const step = 300 + clock.random() * 3_000;
    await clock.sleep(step);
    if (course.frozen) continue;
    work -= step;
    if (clock.random() < 0.4) {
      const line = `line ${clock.id()}\n`;
      void holder
        .renew({ chunks: [{ at: clock.now() / 1000, bytes: Buffer.from(line) }] })
        // At the end it is handed over to the finish, and not acknowledged as yet.
        .then((result) => result === 'won' && course.computing && checker.logged(holder.id, line))
        .catch(() => {});
    }
    if (clock.random() < 0.15) await saveCheckpoint(stage, ledger, holder);
  }
}

/** As the runner's checkpoints do it: first into the store, then into the claim. */
async function saveCheckpoint(stage: Stage, ledger: Ledger, holder: ClaimHolder): Promise<void> {
  const { clock } = ledger;
  const saved = clock.id();
  await upload(stage, ledger, saved);
  const said = { manifest: saved, files: 1, bytes: 1, complete: true };
  void holder.renew({ kept: { manifest: saved, said, savedAt: timeOf(clock) } }).catch(() => {});
}

async function upload({ checker }: Stage, { clock }: Ledger, manifest: string): Promise<void> {
  await clock.sleep(clock.random() * 2_000);
  checker.uploaded(manifest);
}
