import type { SeenFile } from '../formats.ts';

/** What is known of pushes: what each ref pointed at, what has not been dealt with, which schedules there are. */
export type Seen = Omit<SeenFile, 'format' | 'nonce'>;
export type PushEvent = SeenFile['pending'][number];

/** Branches and tags as they are. */
export interface Refs {
  readonly refs: ReadonlyMap<string, string>;
  /** The branch that the repository calls its default one. */
  readonly head: string | null;
}

/** So many pushes wait at a time; those beyond it are seen later. Each of them may be a run with all its files. */
const mostPending = 50;

/** The default branch, as far as it is there: many a bare repository's HEAD names one that nobody has pushed. */
export function defaultBranch({ refs, head }: Refs): string | null {
  const candidates = [head, 'refs/heads/main', 'refs/heads/master'];
  return candidates.find((ref): ref is string => ref !== null && refs.has(ref)) ?? null;
}

/** The first look at a repository: what is there starts nothing, but its schedules count from now on. */
export function firstSeen(now: Refs, seenAt: string): Seen {
  const branch = defaultBranch(now);
  const to = branch === null ? undefined : now.refs.get(branch);
  return {
    refs: Object.fromEntries(now.refs),
    pending: branch !== null && to ? [{ ref: branch, from: null, to, first: true, seenAt }] : [],
    schedules: null,
  };
}

/** Refs that point at something else than they did. */
export function hasMoved(seen: Seen, refs: ReadonlyMap<string, string>): boolean {
  return [...refs].some(([ref, id]) => seen.refs[ref] !== id);
}

/** Refs that are there no more. */
export function goneFrom(seen: Seen, refs: ReadonlyMap<string, string>): string[] {
  return Object.keys(seen.refs).filter((ref) => !refs.has(ref));
}

/**
 * What has moved since becomes a pending push each. A branch that is new is compared with the default branch.
 * @param missed refs that were missing before; what is missing still is forgotten, and new if it comes again
 * @returns null if nothing has changed
 */
export function withMoves(seen: Seen, now: Refs, missed: readonly string[], seenAt: string): Seen | null {
  const gone = missed.filter((ref) => seen.refs[ref] !== undefined && !now.refs.has(ref));
  const branch = defaultBranch(now);
  const refs = { ...seen.refs };
  for (const ref of gone) delete refs[ref];
  const room = Math.max(0, mostPending - seen.pending.length);
  const moved = [...now.refs].filter(([ref, id]) => seen.refs[ref] !== id).slice(0, room);
  const pending = moved.map(([ref, to]): PushEvent => {
    const base = branch === null || branch === ref ? null : (seen.refs[branch] ?? now.refs.get(branch));
    refs[ref] = to;
    return { ref, from: seen.refs[ref] ?? base ?? null, to, first: false, seenAt };
  });
  const isKnown =
    branch === seen.schedules?.ref || [...seen.pending, ...pending].some(({ ref }) => ref === branch);
  const to = branch === null || isKnown ? undefined : now.refs.get(branch);
  // Another branch has become the default one: its schedules begin to count.
  if (branch !== null && to) pending.push({ ref: branch, from: null, to, first: true, seenAt });
  if (gone.length + pending.length === 0) return null;
  return { ...seen, refs, pending: [...seen.pending, ...pending] };
}

/** Which one of the pending pushes; there can't be two that are the same. */
export function keyOf({ ref, to, seenAt }: PushEvent): string {
  return `${ref} ${to} ${seenAt}`;
}

export type ScheduleWish = Pick<
  NonNullable<Seen['schedules']>['entries'][number],
  'workflow' | 'cron' | 'timezone'
>;

/**
 * These pushes have been dealt with.
 * @param schedules what the workflows of each say, by its key; none for pushes of other branches than the default one
 */
export function withoutPending(
  seen: Seen,
  schedules: ReadonlyMap<string, { commit: string; wishes: readonly ScheduleWish[] } | null>,
  branch: string | null,
  now: string,
): Seen {
  let next = seen.schedules;
  for (const event of seen.pending) {
    const found = schedules.get(keyOf(event));
    // Of two pushes of it the later one counts, and comes later.
    if (!found || event.ref !== branch) continue;
    const before = next?.entries ?? [];
    const entries = found.wishes.map((wish) => ({
      ...wish,
      since: before.find((one) => isSame(one, wish))?.since ?? now,
    }));
    next = { ref: event.ref, commit: found.commit, entries };
  }
  // Of a branch that is the default one no more.
  if (next && branch !== null && next.ref !== branch) next = null;
  return { ...seen, pending: seen.pending.filter((event) => !schedules.has(keyOf(event))), schedules: next };
}

function isSame(a: ScheduleWish, b: ScheduleWish): boolean {
  return a.workflow === b.workflow && a.cron === b.cron && a.timezone === b.timezone;
}
