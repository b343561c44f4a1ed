import type { CommitInput } from '../../../src/git/write-commits.ts';
import type { JobSpec } from '../../../src/language/job-spec.ts';
import { acquireClaim, type Claimant, type ClaimHolder } from '../../../src/ledger/claims.ts';
import { type Clock, timeOf } from '../../../src/ledger/clock.ts';
import { closeJob } from '../../../src/ledger/close-job.ts';
import { decide, type Lease } from '../../../src/ledger/decide.ts';
import { formatVersion, type JobFile, printFile } from '../../../src/ledger/formats.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openLiveReader, type QueueEntry } from '../../../src/ledger/live.ts';
import { makeRecord } from '../../../src/ledger/records.ts';
import { jobName, refNames } from '../../../src/ledger/refs.ts';
import { publishToCache, settle } from '../../../src/ledger/settle.ts';
import { requestStop, seeStopsThrough } from '../../../src/ledger/stop.ts';
import { submitRun } from '../../../src/ledger/submit.ts';
import { keepLease } from '../../../src/runner/lease-keeper.ts';
import { openLookout } from '../../../src/runner/lookout.ts';
import { createChecker } from './checker.ts';
import { createMemoryObjects, type MemoryObjects } from './memory-objects.ts';
import { createServer, type Misfortunes } from './server.ts';
import { type Actor, createRandom, createWorld, type World } from './world.ts';

/** What happens in one history; everything in it follows from the seed and from what is left out. */
export interface Scenario {
  readonly seed: number;
  /** Misfortunes left out, by their number in the order in which they would have struck: for shrinking. */
  readonly spared?: ReadonlySet<number>;
}

export interface History {
  readonly violations: readonly string[];
  /** The numbers of the misfortunes that struck. */
  readonly struck: readonly number[];
  readonly log: readonly string[];
}

const minute = 60_000;
/** A call that hung arrives at most this much later. */
const latest = 40_000;
/** World time at which misfortunes end, and by which everything must have ended then. */
const calmAt = 80_000;
const overAt = 8 * minute;

/** Plays one history of submitters, runners and stops against one repository, and checks all of it. */
export async function simulate({ seed, spared = new Set() }: Scenario): Promise<History> {
  const draw = createRandom(seed ^ 0x5bd1e995);
  const world = createWorld(seed);
  const objects = createMemoryObjects();
  const instances = new Map<Actor, string>();
  const checker = createChecker(world, objects, (actor) => instances.get(actor) ?? actor.name);
  const struck: number[] = [];
  let misfortunes = 0;
  /** May this misfortune strike? Each is numbered, so that one can be left out and the rest stays as it is. */
  const strikes = (): boolean => {
    const number = misfortunes++;
    if (spared.has(number)) return false;
    struck.push(number);
    return true;
  };
  const level = draw() * 0.12;
  const luck: Misfortunes = {
    lost: draw() * level,
    answerLost: draw() * level,
    late: draw() * level * 0.3,
    crash: draw() * level * 0.5,
    torn: draw() * 0.5,
    atomic: draw() < 0.7,
    strikes,
  };
  const server = createServer(world, objects, luck, checker);
  const ids = counter('id');

  const clockOf = (actor: Actor): Clock => ({
    monotonic: () => (world.now() / 1000) * actor.rate,
    now: () => 1_800_000_000_000 + (actor.wallStands ? 0 : world.now()) + actor.wallOffset,
    sleep: (ms) => new Promise((resolve) => world.at(ms / actor.rate, actor, resolve)),
    every(ms, act) {
      let on = true;
      const again = () =>
        world.at(ms / actor.rate, actor, () => {
          if (!on) return;
          act();
          again();
        });
      again();
      return () => {
        on = false;
      };
    },
    random: world.random,
    id: ids,
  });
  const ledgerOf = (actor: Actor): Ledger => ({
    shared: server.connect(actor),
    names: refNames(),
    who: { name: actor.name, email: `${actor.name}@simulated` },
    clock: clockOf(actor),
    close() {},
  });

  const runnerCount = 2 + Math.floor(draw() * 3);
  const startRunner = (name: string): Actor => {
    const actor = world.actor(name);
    const claimant = { runner: name, host: name, instance: ids(), lease: 6 + Math.floor(draw() * 3) * 6 };
    instances.set(actor, claimant.instance);
    void runnerLoop(
      world,
      actor,
      ledgerOf(actor),
      claimant,
      1 + Math.floor(draw() * 2),
      checker,
      server.refs,
    );
    return actor;
  };
  for (let index = 0; index < runnerCount; index += 1) scheduleLife(`r${index}`);

  /** A runner's fate: it may be killed and come back, stand still, have its wall clock set. */
  function scheduleLife(name: string): void {
    let actor = startRunner(name);
    const next = () =>
      world.at((2 + draw() * 30) * 1000, null, () => {
        if (world.now() > calmAt) return;
        const fate = draw();
        if (fate < 0.35 && strikes()) {
          world.log.push(`${Math.round(world.now())} ${name} is killed`);
          world.kill(actor);
          world.at(draw() * 40_000, null, () => {
            actor = startRunner(name);
          });
        } else if (fate < 0.6 && strikes()) {
          actor.stoppedUntil = world.now() + draw() * 40_000;
          world.log.push(
            `${Math.round(world.now())} ${name} stands still until ${Math.round(actor.stoppedUntil)}`,
          );
        } else if (fate < 0.8 && strikes()) {
          actor.wallOffset += (draw() - 0.5) * 10 * 24 * 60 * minute;
        } else if (strikes()) {
          server.away(world.now() + draw() * 30_000);
        }
        next();
      });
    next();
  }

  const runs = 1 + Math.floor(draw() * 3);
  let toSubmit = runs;
  for (let index = 0; index < runs; index += 1) {
    world.at(draw() * 25_000, null, () => {
      const actor = world.actor(`submitter${index}`);
      void submitter(world, actor, ledgerOf(actor), objects, `run${index}`, draw, checker).then((targets) => {
        toSubmit -= 1;
        if (draw() < 0.3) void stopper(world, ledgerOf, instances, targets, draw);
      });
    });
  }

  world.at(calmAt, null, () => {
    server.calm();
    world.log.push(`${calmAt} from here on nothing goes wrong`);
  });
  const everythingEnded = () =>
    world.now() > calmAt + latest &&
    toSubmit === 0 &&
    ![...server.refs.keys()].some((ref) => /^refs\/dstack\/(queue|claims|stops)\//.test(ref));
  await world.run(overAt, () => checker.violations.length > 0 || everythingEnded());
  if (checker.violations.length === 0) checker.finally(server.refs);
  return { violations: checker.violations, struck, log: world.log };
}

function counter(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}${count++}`;
}

type Checker = ReturnType<typeof createChecker>;

/** A runner: the ledger's real code, with a job that takes its time instead of a container. */
async function runnerLoop(
  world: World,
  actor: Actor,
  ledger: Ledger,
  claimant: Claimant,
  concurrency: number,
  checker: Checker,
  refs: ReadonlyMap<string, string>,
): Promise<void> {
  const reader = openLiveReader(ledger);
  const lookout = openLookout(ledger, reader);
  const own = new Map<string, (abort: boolean, by: string) => void>();
  const suspicious = new Set<string>();
  for (;;) {
    try {
      const live = await lookout.look(suspicious);
      suspicious.clear();
      for (const [key, stop] of own) {
        const request = live.stops.get(key);
        if (request?.stop.queue === live.queue.get(key)?.commit && request)
          stop(request.stop.abort, request.stop.by);
      }
      for (const action of decide(live, lookout.silence, claimant.instance, new Set(own.keys()))) {
        if (action.do === 'settle') await settle(ledger, [action]).catch(() => false);
        else if (action.do === 'execute') {
          const key = jobName(action.entry.id);
          if (own.size >= concurrency || own.has(key)) continue;
          own.set(key, () => {});
          const won = await executeJob(
            world,
            actor,
            ledger,
            action.entry,
            action.over,
            claimant,
            checker,
            refs,
            (stop) => own.set(key, stop),
            () => own.delete(key),
          ).catch(() => false);
          if (!won) {
            own.delete(key);
            suspicious.add(action.entry.id.run);
          }
        } else await closeJob(ledger, action, claimant).catch(() => 'unknown');
      }
    } catch {
      lookout.failed();
    }
    await ledger.clock.sleep(500 + ledger.clock.random() * 1_500);
  }
}

async function executeJob(
  world: World,
  actor: Actor,
  ledger: Ledger,
  entry: QueueEntry,
  over: Lease | null,
  claimant: Claimant,
  checker: Checker,
  refs: ReadonlyMap<string, string>,
  started: (stop: (abort: boolean, by: string) => void) => void,
  ended: () => void,
): Promise<boolean> {
  const key = jobName(entry.id);
  const acquired = await acquireClaim(ledger, entry, claimant, over);
  const ref = ledger.names.job('claims', entry.id);
  if (acquired.result !== 'won') {
    if (acquired.result === 'lost') checker.gaveUp(key, actor, claimant.instance, refs.get(ref) ?? null);
    return false;
  }
  const { holder } = acquired;
  let frozen = false;
  /** It computes; afterwards it only publishes. */
  let computing = true;
  let lost = false;
  let stopped: { abort: boolean; by: string } | null = null;
  const stoodStill = actor.stoppedUntil;
  // Of one that was stood still meanwhile nothing can be said: its job went on while it could not watch its lease.
  const live = () => actor.alive && !frozen && computing && actor.stoppedUntil === stoodStill;
  const keeper = keepLease(
    holder,
    {
      freeze: () => {
        frozen = true;
      },
      thaw: () => {
        frozen = false;
        if (!computing) return;
        checker.computes(key, holder.claim().attempt, actor, live);
      },
      lost: () => {
        lost = true;
      },
    },
    ledger.clock,
  );
  started((abort, by) => {
    stopped = { abort, by };
  });
  checker.computes(key, holder.claim().attempt, actor, live);
  const computed = () => {
    computing = false;
  };
  void body(world, ledger, holder, () => ({ frozen, lost, stopped }), computed, checker)
    .catch(() => {})
    .finally(() => {
      computing = false;
      keeper.stop();
      ended();
    });
  return true;
}

/** What a job does: computes, says so in its log, uploads, ends. */
async function body(
  world: World,
  ledger: Ledger,
  holder: ClaimHolder,
  look: () => { frozen: boolean; lost: boolean; stopped: { abort: boolean; by: string } | null },
  computed: () => void,
  checker: Checker,
): Promise<void> {
  const { clock } = ledger;
  let work = clock.random() * 15_000;
  void holder.renew({ state: 'running', startedAt: timeOf(clock) }).catch(() => {});
  while (work > 0 && !look().lost && !look().stopped) {
    const step = 500 + clock.random() * 3_000;
    await clock.sleep(step);
    if (!look().frozen) work -= step;
    if (clock.random() < 0.4) {
      void holder
        .renew({ chunks: [{ at: clock.now() / 1000, bytes: Buffer.from(`line ${Math.round(work)}\n`) }] })
        .catch(() => {});
    }
  }
  computed();
  if (look().lost) return;
  const { stopped } = look();
  const manifest = clock.id();
  if (!stopped?.abort) {
    void holder.renew({ state: 'uploading' }).catch(() => {});
    await clock.sleep(clock.random() * 2_000);
    checker.uploaded(manifest);
  }
  const failed = clock.random() < 0.15;
  const artifacts = { manifest, files: 1, bytes: 1, complete: true };
  const outcome = stopped
    ? ({ state: stopped.abort ? 'aborted' : 'stopped', reason: `by ${stopped.by}` } as const)
    : failed
      ? ({ state: 'failed', reason: 'exit code 1', exitCode: 1, artifacts } as const)
      : ({ state: 'done', reason: null, exitCode: 0, artifacts } as const);
  const finished = await holder.finish((claim) => makeRecord(holder.entry, claim, outcome, timeOf(clock)), {
    artifacts: '{}',
    logTail: null,
  });
  if (finished.result !== 'won') return;
  await settle(ledger, [finished]);
  if (finished.record.state === 'done' && finished.record.cacheKey)
    await publishToCache(ledger, finished.record.cacheKey, finished.commit);
  world.log.push(`${Math.round(world.now())} ${holder.claim().runner} finished ${jobName(holder.id)}`);
}

/** Submits a run of a few jobs, some of which wait for others. */
async function submitter(
  world: World,
  actor: Actor,
  ledger: Ledger,
  objects: MemoryObjects,
  run: string,
  draw: () => number,
  checker: Checker,
): Promise<{ id: { run: string; job: string }; queueEntry: string }[]> {
  const count = 1 + Math.floor(draw() * 3);
  const author = { name: actor.name, email: 'a@b', time: ledger.clock.now() };
  const write = (commit: CommitInput) => objects.write([commit])[0] as string;
  const jobs = Array.from({ length: count }, (_, index) => `j${index}`);
  const contents = jobs.map((name, index) =>
    printFile(jobOf(run, name, index > 0 && draw() < 0.5 ? [jobs[index - 1] as string] : [])),
  );
  const blobs = write({
    parents: [],
    files: jobs.map((name, index) => ({ path: name, content: contents[index] as string })),
    message: '',
    author,
  });
  const lines = jobs.map((name) => `Dstack-Job: ${name} ${objects.read(`${blobs}:${name}`)?.id}`);
  const message = `${run}: w\n\nDstack-Format: ${formatVersion}\nDstack-Run: ${run}\nDstack-Workflow: w\nDstack-Variables: {}\n${lines.join('\n')}\n`;
  const commit = write({ parents: [], files: [], message, author });
  const entries = jobs.map((name, index) =>
    write({
      parents: [],
      files: [{ path: 'job.json', content: contents[index] as string }],
      message: `${run}/${name}\n\nDstack-Format: ${formatVersion}\nDstack-Run-Commit: ${commit}\n`,
      author,
    }),
  );
  const updates = [
    ...jobs.map((job, index) => ({
      ref: ledger.names.job('queue', { run, job }),
      from: null,
      to: entries[index] as string,
    })),
    { ref: ledger.names.run(run), from: null, to: commit },
  ];
  const targets = jobs.map((job, index) => ({ id: { run, job }, queueEntry: entries[index] as string }));
  for (;;) {
    try {
      const result = await submitRun(ledger, { run, commit, updates });
      if (result === 'submitted')
        checker.submitted(
          run,
          commit,
          jobs.map((job) => jobName({ run, job })),
        );
      else checker.takenOver(run, commit);
      return targets;
    } catch {
      // Whether it was submitted could not be found out; a person's patience is longer.
      await ledger.clock.sleep(5_000);
    }
    void world;
  }
}

function jobOf(run: string, name: string, dependsOn: readonly string[]): JobFile {
  const spec: JobSpec = {
    name,
    workflow: name,
    image: null,
    commands: ['true'],
    env: {},
    secrets: [],
    workingDir: '.',
    artifacts: ['a'],
    variables: {},
    dependsOn: dependsOn.map((job) => ({ run: null, job })),
    files: null,
  };
  return {
    format: formatVersion,
    run,
    spec,
    useCache: true,
    cacheKey: name.charCodeAt(1).toString(16).padStart(64, '0'),
  };
}

/** Somebody who wants some jobs to end, and who may lose patience. */
async function stopper(
  world: World,
  ledgerOf: (actor: Actor) => Ledger,
  instances: Map<Actor, string>,
  targets: readonly { id: { run: string; job: string }; queueEntry: string }[],
  draw: () => number,
): Promise<void> {
  const actor = world.actor('stopper');
  const ledger = ledgerOf(actor);
  const claimant = { runner: 'dstack-stop', host: 'h', instance: ledger.clock.id(), lease: 6 };
  instances.set(actor, claimant.instance);
  await ledger.clock.sleep(draw() * 30_000);
  if (draw() < 0.3) world.at(draw() * 10_000, null, () => world.kill(actor));
  try {
    const asked = await requestStop(ledger, targets.slice(0, 2), { abort: draw() < 0.5, by: 'somebody' });
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
}
