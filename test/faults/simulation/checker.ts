import {
  type ClaimFile,
  claimSchema,
  parseFile,
  type RecordFile,
  recordSchema,
} from '../../../src/ledger/formats.ts';
import { jobName, refNames } from '../../../src/ledger/refs.ts';
import type { MemoryObjects } from './memory-objects.ts';
import type { Actor, World } from './world.ts';

/** Holds every change of the simulated repository, and everything the actors do, against the protocol's invariants. */
export interface Checker {
  readonly violations: string[];
  /** A ref has changed, at the instant in which it does. */
  changed(ref: string, from: string | null, to: string | null, by: Actor): void;
  /** A swap of a claim was acknowledged, also one that changed nothing. */
  acknowledged(ref: string, by: Actor): void;
  /** The artifacts of an attempt are in the store, whole. */
  uploaded(manifest: string): void;
  /** An actor begins or goes on to compute. */
  computes(key: string, attempt: number, by: Actor, live: () => boolean): void;
  /** It has given up a claim as lost, while the ref points at `tip`. */
  gaveUp(key: string, by: Actor, instance: string, tip: string | null): void;
  submitted(run: string, commit: string, keys: readonly string[]): void;
  takenOver(run: string, commit: string): void;
  /** The outcomes so far, by `run/job`. */
  readonly outcomes: ReadonlyMap<string, RecordFile>;
  /** At the end, when nothing has gone wrong for long. */
  finally(refs: ReadonlyMap<string, string>): void;
}

type Tip = { kind: 'claim'; claim: ClaimFile } | { kind: 'finished'; record: RecordFile };

/** A clock may run this much faster than another, so a lease can look that much shorter to an observer. */
const clockTolerance = 0.88;

export function createChecker(
  world: World,
  objects: MemoryObjects,
  instanceOf: (actor: Actor) => string,
): Checker {
  const names = refNames();
  const violations: string[] = [];
  const outcomes = new Map<string, RecordFile>();
  const outcomeCommits = new Map<string, string>();
  const tipSince = new Map<string, number>();
  const renewedAt = new Map<string, number>();
  const stores = new Set<string>();
  const computing = new Map<string, { by: Actor; live: () => boolean }>();
  const acknowledgedRuns = new Map<string, { commit: string; keys: readonly string[] }>();
  const maybe = new Map<string, string>();
  const everAttempt = new Map<string, number>();

  const violate = (text: string) => {
    if (violations.length < 5) violations.push(`${Math.round(world.now())} ms: ${text}`);
    world.log.push(`VIOLATION ${text}`);
  };
  const parsed = new Map<string, Tip>();
  const tipOf = (commit: string): Tip => {
    const known = parsed.get(commit);
    if (known) return known;
    const record = objects.read(`${commit}:record.json`);
    const tip: Tip = record
      ? { kind: 'finished', record: parseFile(recordSchema, 'record.json', record.content) }
      : {
          kind: 'claim',
          claim: parseFile(
            claimSchema,
            'claim.json',
            objects.read(`${commit}:claim.json`)?.content ?? Buffer.from('{}'),
          ),
        };
    parsed.set(commit, tip);
    return tip;
  };

  const claimChanged = (key: string, ref: string, from: string | null, to: string | null, by: Actor) => {
    const before = from === null ? null : tipOf(from);
    if (to === null) {
      if (before?.kind === 'finished' && !outcomeRests(key))
        violate(`the outcome of ${key} is lost: its claim is gone, and nothing holds it`);
      if (before?.kind === 'claim' && before.claim.instance !== instanceOf(by) && !outcomes.has(key)) {
        violate(`${by.name} removed a claim of ${before.claim.runner} on ${key}`);
      }
      return;
    }
    const after = tipOf(to);
    if (before?.kind === 'finished') {
      violate(`${key} had ended, and ${by.name} replaced its outcome`);
      return;
    }
    if (after.kind === 'finished') {
      if (before?.kind !== 'claim' || before.claim.instance !== instanceOf(by)) {
        violate(`${by.name} ended ${key} without holding its claim`);
      }
      ended(key, to, after.record, by);
      return;
    }
    if (before === null) return;
    if (before.claim.instance === after.claim.instance) return;
    // A takeover.
    if (after.claim.attempt !== before.claim.attempt + 1) {
      violate(
        `${by.name} took ${key} over as attempt ${after.claim.attempt} after attempt ${before.claim.attempt}`,
      );
    }
    const needed = before.claim.lease * 1000 * clockTolerance;
    const stood = world.now() - (tipSince.get(ref) ?? 0);
    const sinceRenewal = world.now() - (renewedAt.get(ref) ?? 0);
    if (stood < needed || sinceRenewal < needed) {
      violate(
        `${by.name} took ${key} over from ${before.claim.runner} ${Math.round(Math.min(stood, sinceRenewal))} ms after its renewal; its lease is ${before.claim.lease} s`,
      );
    }
  };

  const outcomeRests = (key: string) => restingJobs.has(key);
  const restingJobs = new Set<string>();

  const ended = (key: string, commit: string, record: RecordFile, by: Actor) => {
    const other = outcomeCommits.get(key);
    if (other !== undefined && other !== commit) violate(`${key} has two outcomes, the second by ${by.name}`);
    outcomeCommits.set(key, commit);
    outcomes.set(key, record);
    everAttempt.set(key, Math.max(everAttempt.get(key) ?? 0, record.attempt));
    if (record.state === 'done' && (!record.artifacts || !stores.has(record.artifacts.manifest))) {
      violate(`${key} is shown as done before its artifacts are there`);
    }
    if (record.attempt > 4) violate(`${key} had ${record.attempt} attempts`);
  };

  return {
    violations,
    outcomes,
    changed(ref, from, to, by) {
      const name = names.parse(ref);
      world.log.push(
        `${Math.round(world.now())} ${by.name} ${ref} ${from?.slice(0, 7) ?? '-'} -> ${to?.slice(0, 7) ?? '-'}`,
      );
      if (name?.area === 'runs' && from !== null) violate(`the run ${name.run} was changed`);
      if (name?.area === 'jobs') {
        const key = jobName(name);
        if (from !== null) violate(`the outcome of ${key} was changed by ${by.name}`);
        if (to !== null) {
          restingJobs.add(key);
          if (outcomeCommits.get(key) !== to)
            violate(`${by.name} published something as the outcome of ${key} that never was`);
        }
      }
      if (name?.area === 'claims') {
        claimChanged(jobName(name), ref, from, to, by);
        tipSince.set(ref, world.now());
        renewedAt.set(ref, world.now());
      }
      if (name?.area === 'cache' && to !== null && ![...outcomeCommits.values()].includes(to)) {
        violate(`the cache points at what is no outcome`);
      }
    },
    acknowledged(ref) {
      renewedAt.set(ref, world.now());
    },
    uploaded: (manifest) => void stores.add(manifest),
    computes(key, attempt, by, live) {
      if (outcomes.has(key)) violate(`${by.name} executes ${key} (attempt ${attempt}), which has ended`);
      const other = computing.get(key);
      if (other && other.by !== by && other.live())
        violate(`${by.name} and ${other.by.name} execute ${key} at the same time`);
      computing.set(key, { by, live });
    },
    gaveUp(key, by, instance, tip) {
      const now = tip === null ? null : tipOf(tip);
      if (now?.kind === 'claim' && now.claim.instance === instance)
        violate(`${by.name} took its own claim on ${key} for another's`);
    },
    submitted: (run, commit, keys) => void acknowledgedRuns.set(run, { commit, keys }),
    takenOver: (run, commit) => void maybe.set(run, commit),
    finally(refs) {
      for (const [run, { commit, keys }] of acknowledgedRuns) {
        if (refs.get(names.run(run)) !== commit) violate(`the run ${run} was acknowledged and is gone`);
        for (const key of keys) {
          if (!outcomes.has(key)) violate(`${key} has not ended, though nothing has gone wrong for long`);
        }
      }
      for (const [run, commit] of maybe) {
        if (refs.get(names.run(run)) === commit)
          violate(`${run} was submitted, and reported as taken by another`);
      }
      for (const ref of refs.keys()) {
        const name = names.parse(ref);
        if (name && (name.area === 'claims' || name.area === 'stops') && outcomes.has(jobName(name))) {
          violate(`${ref} is left over`);
        }
        if (name?.area === 'queue' && outcomes.has(jobName(name))) violate(`${ref} is left over`);
      }
    },
  };
}
