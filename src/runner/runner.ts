import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { DstackError } from '../errors.ts';
import { openGpuMeter } from '../executor/gpu-use.ts';
import { inOrder } from '../ledger/in-order.ts';
import { type Live, openLiveReader } from '../ledger/live.ts';
import type { LackedSecret } from '../ledger/misfit.ts';
import type { SilenceWatch } from '../ledger/silence.ts';
import { watchTriggers } from '../ledger/triggers/watch-triggers.ts';
import { openWake, type Wake } from '../ledger/wake.ts';
import { isAnything } from './access.ts';
import { openChangeHint } from './change-hint.ts';
import { type Contact, keepContact } from './contact.ts';
import type { Executors } from './executors.ts';
import { unfitFor } from './fit.ts';
import { keepFolded } from './keep-folded.ts';
import { keepTriggers, type TriggerKeeper } from './keep-triggers.ts';
import { lackedSecrets } from './lacked-secrets.ts';
import { type Lookout, openLookout } from './lookout.ts';
import { openRunNotes } from './note-runs.ts';
import { keepPresent, type Presence } from './presence.ts';
import type { RunnerOptions } from './runner-options.ts';
import { openSettler } from './settler.ts';
import { type Shift, startShift } from './shift.ts';
import { openSnapshots } from './snapshot-cache.ts';
import { clearUp, keepRoom, keepTidy } from './tidy.ts';
import { type Waiting, waitingFor } from './waiting.ts';
import type { Workplace } from './workplace.ts';

export interface Runner {
  /** Takes no more jobs, ends when those it has are done. */
  drain(): void;
  /** Ends its jobs in order, saves what they leave and gives them back; called once more, it does so at once. */
  leave(): void;
  /** A sign that there is something new in the shared repository: it looks at once. */
  look(): void;
  /** How many jobs it finished. Rejects only if it could not start, or another took its name. */
  readonly ended: Promise<{ finished: number }>;
}

/** Watches a shared repository and executes its jobs, until told to end or nothing is left. */
export function startRunner(options: RunnerOptions): Runner {
  const claimant = {
    runner: options.name,
    host: hostname(),
    instance: randomUUID(),
    lease: options.lease / 1000,
  };
  const startedAt = new Date().toISOString();
  const contact = keepContact(options.log, options.ledger.clock);
  let waiting: (Waiting & { readonly since: string }) | null = null;
  let lacks: readonly LackedSecret[] = [];
  let wake: Wake | null = null;
  let triggers: TriggerKeeper | null = null;
  const signs: Signs = { seen: false, rest: new AbortController() };
  const look = () => {
    signs.seen = true;
    wake?.notify();
  };
  const oneAtATime = inOrder();
  const work: Workplace = {
    ...options,
    noteRun: openRunNotes(options.ledger, options.store, options.name),
    gpuMeter: openGpuMeter(),
    snapshots: openSnapshots({ ...options, claimant, oneAtATime }),
    reader: openLiveReader(options.ledger),
    claimant,
    // Whether the queue is empty now, or what was settled was the last of a run, shows in a look.
    settler: openSettler(options.ledger, options.log, () => {
      if (shift.jobs().length === 0) look();
    }),
    oneAtATime,
  };
  const shift = startShift(work, options, () => {
    options.onChange?.();
    look();
    // There may be a hand free for something.
    signs.rest.abort();
  });
  const card = () => ({
    name: options.name,
    host: claimant.host,
    instance: claimant.instance,
    pid: process.pid,
    executor: options.executors.description,
    concurrency: options.concurrency,
    version: options.version,
    labels: options.labels,
    jobs: shift.jobs(),
    startedAt,
    heartbeat: claimant.lease / 3,
    draining: shift.ending(),
    ...(options.interruptible ? { interruptible: true as const } : {}),
    machine: {
      ...options.executors.stock,
      gpus: options.executors.stock.gpus.map(({ name, memory }) => ({ name, memory })),
    },
    ...kindsNotTaken(options.executors),
    ...(lacks.length > 0 && { lacks: [...lacks] }),
    ...(isAnything(options.allow) && { allows: options.allow }),
    ...(waiting ? { waitingSince: waiting.since } : {}),
    waiting: [waiting?.words, contact.lately()].filter(Boolean).join('; ').slice(0, longestWords) || null,
  });
  /** After each look. @returns what others may want to see before the next heartbeat */
  const noteWaiting = (live: Live, silence: SilenceWatch): string | null => {
    lacks = lackedSecrets(
      Array.from(live.queue.values(), ({ job }) => job.spec),
      options.secrets,
    );
    const gathers = shift.waits(live);
    const now = waitingFor({
      live,
      gathers,
      silence,
      jobs: shift.jobs(),
      concurrency: options.concurrency,
      ending: shift.ending(),
      keepsRoomFor: shift.keepsRoomFor(),
      unfitFor: (spec) => unfitFor(options, spec) ?? shift.lacks(spec),
    });
    const isNew = now?.matter !== waiting?.matter;
    waiting = now && { ...now, since: isNew || !waiting ? new Date().toISOString() : waiting.since };
    return waiting && worthTelling.has(waiting.matter) ? waiting.matter : null;
  };

  /** Before each look's deeds: whether there are containers at present. */
  const noteDocker = async () => {
    const { executors, log, name } = options;
    const change = await executors.look();
    if (change === null) return;
    log.warn(change);
    // What a former process has left there may not have been within reach at the start.
    await executors
      .sweep(name)
      .catch((error: unknown) =>
        log.warn({ error: String(error) }, 'what a former runner may have left in Docker could not be ended'),
      );
    options.succeed?.(claimant.instance);
  };

  const ended = (async () => {
    const { log } = options;
    let presence: Presence | null = null;
    await clearUp(options);
    const former = options.succeed?.(claimant.instance) ?? new Set<string>();
    const tidying = keepTidy([options.cache, options.ledger.shared.local], work.oneAtATime);
    const room = keepRoom([options.inputCache, options.setupCache]);
    const folding = keepFolded(options.ledger, options);
    wake = openWake(options.ledger.shared);
    try {
      presence = await keepPresent(
        options.ledger,
        card,
        (seconds, host) =>
          log.info(
            { host, seconds },
            'another runner of this name was on that machine: watching whether it lives',
          ),
        () => shift.drain(),
      );
      log.info(
        { repository: options.ledger.shared.location, executor: options.executors.description },
        'watching',
      );
      const lookout = openLookout(work.ledger, work.reader, former);
      if (options.triggers) {
        const watched = { ...options.triggers, inTurn: work.oneAtATime };
        const { poll } = options;
        const { shared } = watched;
        triggers = keepTriggers(watchTriggers(watched), { shared, poll, log, found: look });
        // Who leaves when nothing is left to do must know what a push has started.
        if (options.until.kind !== 'told') await triggers.begun;
      }
      await watch(lookout, options, shift, wake, signs, contact, {
        before: noteDocker,
        after: (live, silence) => presence?.tell(noteWaiting(live, silence)),
      });
    } finally {
      await triggers?.stop();
      await shift.end();
      await work.snapshots.close();
      await options.endHook?.idle();
      await presence?.remove();
      await tidying.stop();
      await room.stop();
      await folding.stop();
      wake.close();
    }
    if (presence?.replaced) {
      throw new DstackError('runner-name-taken', `another runner has taken the name ${options.name}`, {
        hint: 'give one of them another name: --name NAME',
      });
    }
    return { finished: shift.finished() };
  })();

  return {
    drain: shift.drain,
    leave: shift.leave,
    look() {
      look();
      triggers?.notify();
    },
    ended,
  };
}

/** What a card says of jobs that no executor here takes. */
function kindsNotTaken({ choose, away }: Executors) {
  const isAway = away({ image: 'any' }) !== null;
  return {
    ...((isAway || choose({ image: 'any' }) === null) && { takesImages: false as const }),
    ...(choose({ image: null }) === null && { takesPlain: false as const }),
  };
}

/** What tells a runner that it is time for a look. */
interface Signs {
  seen: boolean;
  /** Cuts short the rest after a look. */
  rest: AbortController;
}

/** Looks and acts, at every sign of a change and every so often, until the shift is over. */
async function watch(
  lookout: Lookout,
  options: RunnerOptions,
  shift: Shift,
  wake: Wake,
  signs: Signs,
  contact: Contact,
  acts: { before(): Promise<void>; after(live: Live, silence: SilenceWatch): void },
): Promise<void> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let idle = false;
  const { hasChanged } = options;
  const hint = hasChanged && openChangeHint(hasChanged, wake, Math.min(options.poll, longestUnanswered));
  for (;;) {
    const start = performance.now();
    let dueIn = Number.POSITIVE_INFINITY;
    let took = 0;
    const hasSign = signs.seen || !idle || start - lookedAt > Math.max(options.poll, longestUnlooked);
    signs.seen = false;
    signs.rest = new AbortController();
    try {
      if (!hasSign && (await hint?.saysNo())) {
        await wake.wait(pause(options.poll, 0));
        continue;
      }
      // With no hand free only stops are of interest, and what others leave undone can wait for the next poll.
      const busy = shift.isFull() && start - lookedAt < options.poll;
      let live: Live | null = null;
      if (!busy || (await lookout.seesStop(shift.jobs()))) {
        live = await lookout.look(shift.suspicious());
        lookedAt = start;
      }
      took = performance.now() - start;
      contact.answered();
      if (live) {
        await acts.before();
        dueIn = await shift.act(live, lookout.silence);
        if (shift.isOver(live)) return;
        acts.after(live, lookout.silence);
        idle = live.queue.size + live.claims.size + live.stops.size + shift.jobs().length === 0;
      }
    } catch (error) {
      took ||= performance.now() - start;
      lookout.failed();
      contact.failed(error);
      if (shift.ending() && shift.jobs().length === 0) return;
    }
    await wake.wait(Math.min(dueIn, pause(options.poll, contact.failures())));
    // Many wake-ups in a row are one; and where looking takes long, for many do, it is done more rarely.
    const rest = Math.min(options.poll, Math.max(shift.isFull() ? fullRest : 20, 3 * took));
    await sleep(rest, undefined, { signal: signs.rest.signal }).catch(() => {});
  }
}

/** With no hand free, stops are looked for no more often; milliseconds. */
const fullRest = 200;

/** Where a host that tells of changes says that there are none, an idle runner looks nevertheless; milliseconds. */
const longestUnlooked = 60_000;

/** And where it says nothing, it looks after this time; milliseconds. */
const longestUnanswered = 5_000;

/** What a job says that it needs can be as long as somebody likes; a card with more would not be legal. */
const longestWords = 1_000;

/** What is rare, and worth a push of its own. */
const worthTelling = new Set<Waiting['matter']>(['lease', 'room', 'fitting', 'dependencies']);

/** Milliseconds: with jitter, so that runners don't poll in step; longer while the repository is away. */
function pause(poll: number, failures: number): number {
  const longest = Math.max(poll, 30_000);
  return Math.min(poll * 2 ** Math.min(failures, 4), longest) * (0.85 + Math.random() * 0.3);
}
