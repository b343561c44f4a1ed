import type { QueueEntry } from '../../../src/ledger/live.ts';
import { type JobId, jobName, refNames } from '../../../src/ledger/refs.ts';
import type { LedgerState } from '../../../src/ledger/state.ts';
import { createArchiveChecker, misread } from './archive-checker.ts';
import { type ClaimTip, createClaimTips } from './claim-tips.ts';
import { createGangChecker } from './gang-checker.ts';
import type { MemoryObjects } from './memory-objects.ts';
import type { RefObserver } from './server.ts';
import type { Actor, World } from './world.ts';

/** Holds every change of the simulated repository, and everything the actors do, against the protocol's invariants. */
export interface Checker extends RefObserver {
  readonly violations: readonly string[];
  /** Artifacts of an attempt, a checkpoint or what it left at its end, are in the store, whole. */
  uploaded(manifest: string): void;
  /** This line of the log was acknowledged. */
  logged(id: JobId, line: string): void;
  /** An actor begins or goes on to compute. */
  computes(entry: QueueEntry, attempt: number, by: Actor, live: () => boolean): void;
  /** A node of a gang begins to compute. */
  nodeComputes(entry: QueueEntry, gang: string, rank: number, live: () => boolean): void;
  /** It has given up a claim as lost. */
  gaveUp(id: JobId, by: Actor, refs: ReadonlyMap<string, string>): void;
  /** It begins to submit a run; it may be cut off in that. */
  submits(run: string, commit: string, jobs: readonly string[]): void;
  submitted(run: string, commit: string, jobs: readonly string[]): void;
  /** The submitter was told that the name is another's. */
  taken(run: string, commit: string): void;
  /**
   * Is the run there in part, since its submitter was cut off and the server kept any part of what he had pushed?
   * Then what waits for the missing jobs can't go on.
   */
  isStuck(run: string, refs: ReadonlyMap<string, string>): boolean;
  /** The names of runs whose submission was acknowledged. */
  runsThere(): string[];
  /** The jobs of a run that have ended, with the commits of their outcomes. */
  endedJobs(run: string): Map<string, string>;
  /**
   * A reader was shown this, who began to look when those jobs of the run had ended.
   * @returns whether he has reason to look again: a listing is no snapshot, and can miss an outcome, once
   */
  read(
    run: string,
    ended: ReadonlyMap<string, string>,
    state: LedgerState,
    by: Actor,
    isLast: boolean,
  ): boolean;
  /** At the end, when nothing has gone wrong for long. */
  finally(refs: ReadonlyMap<string, string>): void;
}

/** A clock may run this much faster than another, so a lease can look that much shorter to an observer. */
const clockTolerance = 0.88;

/** @param instanceOf whose claims are an actor's */
export function createChecker(
  world: World,
  objects: MemoryObjects,
  instanceOf: (actor: Actor) => string,
): Checker {
  const names = refNames();
  const violations: string[] = [];
  const { tipOf, logOf, keptIn } = createClaimTips(objects);
  /** Finished commits by `run/job`, and all of them. */
  const outcomes = new Map<string, string>();
  const finishedCommits = new Set<string>();
  /** Queue objects of jobs that have ended. */
  const endedObjects = new Set<string>();
  const resting = new Set<string>();
  const everStopped = new Set<string>();
  /** Keys of the jobs that are in the queue. */
  const queued = new Set<string>();
  /** When a claim's tip came to be there, or its holder was told so last; by ref. */
  const renewedAt = new Map<string, number>();
  const waitingSince = new Map<string, number>();
  /** Manifests of which all is in the store, in the order in which it came there. */
  const stores = new Map<string, number>();
  const logs = new Map<string, Set<string>>();
  /** What attempts have saved last, at their end or as a checkpoint, by `run/job`. */
  const kept = new Map<string, string>();
  /** How often a job was given back by who had begun it. */
  const givenBack = new Map<string, number>();
  const computing = new Map<string, { by: Actor; live: () => boolean }>();
  const submissions = new Set<{ run: string; commit: string; jobs: readonly string[] }>();
  /** Submissions that were begun and not acknowledged, by the run's commit. */
  const doubtful = new Map<string, readonly string[]>();
  const refused = new Set<{ run: string; commit: string }>();

  const violate = (text: string) => {
    if (violations.length < 5) violations.push(text);
    world.note(() => `VIOLATION ${text}`);
  };

  const gangs = createGangChecker(world, objects, instanceOf, violate);
  const archive = createArchiveChecker(objects, outcomes, violate);

  const ended = (key: string, commit: string, before: ClaimTip | null, by: Actor) => {
    const tip = tipOf(commit);
    if (tip.kind !== 'finished') return;
    if (before?.kind !== 'claim' || before.claim.instance !== instanceOf(by))
      violate(`${by.name} ended ${key} without holding its claim`);
    const other = outcomes.get(key);
    if (other !== undefined && other !== commit) violate(`${key} has two outcomes, the second by ${by.name}`);
    outcomes.set(key, commit);
    finishedCommits.add(commit);
    const { record } = tip;
    endedObjects.add(record.queue);
    if (record.state === 'done' && !(record.artifacts && stores.has(record.artifacts.manifest)))
      violate(`${key} is shown as done before its artifacts are there`);
    if (kept.has(key) && (record.state === 'failed' || record.state === 'stopped') && !record.artifacts)
      violate(`${key} ended without what its attempts had saved`);
    const log = logOf(commit);
    const whole = new Set(log);
    for (const line of logs.get(key) ?? [])
      if (!whole.has(line)) violate(`${key} ended without "${line}" in its log, which was acknowledged`);
    if (whole.size < log.length) violate(`${key} ended with a part of its log twice`);
  };

  const tookOver = (
    key: string,
    ref: string,
    before: ClaimTip & { kind: 'claim' },
    after: ClaimTip & { kind: 'claim' },
    by: Actor,
  ) => {
    if (after.claim.attempt !== before.claim.attempt + 1) {
      violate(
        `${by.name} took ${key} over as attempt ${after.claim.attempt} after attempt ${before.claim.attempt}`,
      );
    }
    if (after.claim.givenBack !== before.claim.givenBack)
      violate(`${by.name} forgot how often ${key} was given back`);
    // What nobody has may be ended at once.
    if (before.claim.state === 'waiting' && everStopped.has(key)) return;
    // Nobody renews what waits: it stands from its change on, whenever its former holder was told of that.
    const since = (before.claim.state === 'waiting' ? waitingSince : renewedAt).get(ref);
    const stood = world.now() - (since ?? 0);
    if (stood < before.claim.lease * 1000 * clockTolerance) {
      violate(
        `${by.name} took ${key} over from ${before.claim.runner} ${Math.round(stood)} ms after its renewal; its lease is ${before.claim.lease} s`,
      );
    }
  };

  const handedBack = (
    key: string,
    before: ClaimTip & { kind: 'claim' },
    { claim }: ClaimTip & { kind: 'claim' },
    by: Actor,
  ) => {
    const other = computing.get(key);
    if (other?.by === by && other.live()) violate(`${by.name} hands ${key} back and computes`);
    const times = (claim.givenBack ?? 0) - (before.claim.givenBack ?? 0);
    if (times !== 0 && times !== 1) violate(`${by.name} gave ${key} back ${times} times at once`);
    givenBack.set(key, (givenBack.get(key) ?? 0) + times);
  };

  /** What a claim says of what was saved: never less than before, nor of what the store lacks. */
  const saved = (key: string, commit: string, { claim }: ClaimTip & { kind: 'claim' }, by: Actor) => {
    const { artifacts } = claim;
    if (artifacts === null) return;
    const at = stores.get(artifacts.manifest);
    if (at === undefined) violate(`${by.name} says of ${key} that artifacts are there which are not`);
    if (keptIn(commit) !== artifacts.manifest) violate(`${by.name} speaks of what ${key} has not saved`);
    if ((at ?? 0) > (stores.get(kept.get(key) ?? '') ?? -1)) kept.set(key, artifacts.manifest);
  };

  const claimChanged = (key: string, ref: string, from: string | null, to: string | null, by: Actor) => {
    const before = from === null ? null : tipOf(from);
    if (to === null) {
      if (before?.kind === 'finished' && !resting.has(key))
        violate(`the outcome of ${key} is lost: its claim is gone, and nothing holds it`);
      if (before?.kind !== 'claim' || outcomes.has(key)) return;
      // What a killed runner has left on a job that is not in the queue, anybody may remove.
      const orphaned =
        !queued.has(key) && world.now() - (renewedAt.get(ref) ?? 0) > before.claim.lease * 1000;
      if (before.claim.instance !== instanceOf(by) && !orphaned)
        violate(`${by.name} removed a claim of ${before.claim.runner} on ${key}`);
      if (kept.has(key)) violate(`${by.name} removed what attempts of ${key} had saved`);
      // Given back as if it had never been claimed.
      logs.delete(key);
      return;
    }
    const after = tipOf(to);
    if (before?.kind === 'finished') violate(`${key} had ended, and ${by.name} replaced its outcome`);
    else if (after.kind === 'finished') ended(key, to, before, by);
    else if (before && (before.claim.instance !== after.claim.instance || before.claim.state === 'waiting'))
      tookOver(key, ref, before, after, by);
    else if (before && after.claim.state === 'waiting') handedBack(key, before, after, by);
    if (after.kind === 'claim') saved(key, to, after, by);
    if (after.kind === 'claim' && !outcomes.has(key) && kept.has(key) && keptIn(to) !== kept.get(key))
      violate(`${by.name} lost what attempts of ${key} had saved`);
  };

  const checker: Checker = {
    violations,
    changed(ref, from, to, by, late) {
      world.note(
        () =>
          `${by.name} ${late ? 'late ' : ''}${ref} ${from?.slice(0, 7) ?? '-'} -> ${to?.slice(0, 7) ?? '-'}`,
      );
      const name = names.parse(ref);
      archive.changed(ref, from, to, by, late);
      if (name?.area === 'nodes') gangs.nodeChanged(name, from, to, by);
      if (name?.area === 'claims' && to !== null) gangs.claimChanged(tipOf(to));
      if (name?.area === 'claims') {
        claimChanged(jobName(name), ref, from, to, by);
        renewedAt.set(ref, world.now());
        waitingSince.set(ref, world.now());
      }
      if (name?.area === 'queue' && to === null) queued.delete(jobName(name));
      else if (name?.area === 'queue') queued.add(jobName(name));
      if (name?.area === 'stops') everStopped.add(jobName(name));
      if (name?.area === 'jobs' && to !== null) {
        const key = jobName(name);
        resting.add(key);
        if (from !== null) violate(`the outcome of ${key} was changed by ${by.name}`);
        else if (outcomes.get(key) !== to)
          violate(`${by.name} published something as the outcome of ${key} that never was`);
      }
      if (name?.area === 'queue' && to !== null && endedObjects.has(to) && !late)
        violate(`${by.name} brought ${jobName(name)} back, which had ended`);
      if (name?.area === 'cache' && to !== null && !finishedCommits.has(to))
        violate(`${by.name} let the cache point at what is no outcome`);
    },
    acknowledged(ref) {
      gangs.acknowledged(ref);
      renewedAt.set(ref, world.now());
    },
    uploaded: (manifest) => void stores.set(manifest, stores.size),
    logged(id, line) {
      const key = jobName(id);
      logs.set(key, (logs.get(key) ?? new Set()).add(line));
    },
    computes({ id, job }, attempt, by, live) {
      const key = jobName(id);
      if (outcomes.has(key)) violate(`${by.name} executes ${key} (attempt ${attempt}), which has ended`);
      if (attempt - (givenBack.get(key) ?? 0) > job.spec.retry.limit + 1)
        violate(`${by.name} executes ${key} for the ${attempt}th time`);
      const other = computing.get(key);
      if (other && other.by !== by && other.live())
        violate(`${by.name} and ${other.by.name} execute ${key} at the same time`);
      computing.set(key, { by, live });
    },
    nodeComputes: gangs.computes,
    gaveUp(id, by, refs) {
      const key = jobName(id);
      // Then it may be a claim that was to be withdrawn.
      if (outcomes.has(key) || everStopped.has(key) || !refs.has(names.job('queue', id))) return;
      const commit = refs.get(names.job('claims', id));
      const tip = commit === undefined ? null : tipOf(commit);
      if (tip?.kind === 'claim' && tip.claim.instance === instanceOf(by))
        violate(`${by.name} took its own claim on ${key} for another's`);
    },
    submits: (_run, commit, jobs) => void doubtful.set(commit, jobs),
    submitted(run, commit, jobs) {
      doubtful.delete(commit);
      submissions.add({ run, commit, jobs });
    },
    taken: (run, commit) => void refused.add({ run, commit }),
    isStuck: (run, refs) =>
      (doubtful.get(refs.get(names.run(run)) ?? '') ?? []).some((job) => {
        const id = { run, job };
        return !outcomes.has(jobName(id)) && !refs.has(names.job('queue', id));
      }),
    runsThere: () => [...submissions].map(({ run }) => run),
    endedJobs(run) {
      const { jobs = [] } = [...submissions].find((one) => one.run === run) ?? {};
      return new Map(
        jobs.flatMap((job) => {
          const outcome = outcomes.get(jobName({ run, job }));
          return outcome === undefined ? [] : [[job, outcome] as const];
        }),
      );
    },
    read(run, ended, state, by, isLast) {
      const commit = archive.commitOf(run) ?? '';
      const wrong = misread(run, commit, isLast ? ended : new Map(), state);
      if (wrong !== null) violate(`${by.name} ${wrong}`);
      return misread(run, commit, ended, state) !== null;
    },
    finally(refs) {
      for (const { run, commit, jobs } of submissions) {
        if (archive.commitOf(run) !== commit) violate(`the run ${run} was acknowledged and is gone`);
        for (const job of jobs) {
          const key = jobName({ run, job });
          if (!outcomes.has(key)) violate(`${key} has not ended, though nothing has gone wrong for long`);
          else if (
            (refs.get(names.job('jobs', { run, job })) ?? archive.outcomeOf({ run, job })) !==
            outcomes.get(key)
          )
            violate(`the outcome of ${key} does not rest where it should`);
        }
      }
      for (const { run, commit } of refused) {
        if (archive.commitOf(run) === commit)
          violate(`${run} was submitted, and reported as taken by another`);
      }
      for (const ref of refs.keys()) {
        const name = names.parse(ref);
        if (!name || !('job' in name) || name.area === 'jobs' || checker.isStuck(name.run, refs)) continue;
        violate(`${ref} is left over`);
      }
    },
  };
  return checker;
}
