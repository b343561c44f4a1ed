import pLimit from 'p-limit';
import { DstackError } from '../../errors.ts';
import { isName } from '../names.ts';
import type { ParsedRef, RefNames } from '../refs.ts';
import { heldBy } from '../stand-ins.ts';
import { checkIndex } from './archive-rules.ts';
import { type Change, checkStandIn, held, openPush, type Push, type Update } from './change.ts';
import { checkClaim } from './claim-rules.ts';
import { checkKeeper } from './keeper-rules.ts';
import { mostRefs } from './limits.ts';
import { type PushedObjects, refuse } from './objects.ts';
import { checkCache, checkNote, checkOutcome } from './outcome-rules.ts';
import { checkPruned } from './pruned-rules.ts';
import { checkCard, checkNode, checkSeen, checkStop } from './request-rules.ts';
import type { Role } from './roles.ts';
import { checkQueue, checkRun, checkTag } from './run-rules.ts';

/** Why an update is refused. */
export interface Fault {
  readonly ref: string;
  readonly words: string;
  readonly hint: string | undefined;
}

/** Updates that are judged at a time, each with what it is built of in memory. */
const atOnce = 64;
/** Characters of what is wrong; foreign text can be part of it. */
const mostOfWords = 1_000;

/**
 * Judges a push before any of it is applied: which refs it may change how, by who pushes, and that every object is
 * what belongs there. Refs of no concern to dstack pass. What is compared with what is there now can have changed by
 * the time the push is applied; but each update is one of its own ref's old value, or it fails.
 * @param ignoresCase the server's file system does: refs whose names differ in that alone are one
 * @returns what is wrong; nothing: let it pass
 */
export async function checkPush(
  updates: readonly Update[],
  names: RefNames,
  objects: PushedObjects,
  who: { user: string; roles: ReadonlySet<Role> },
  ignoresCase = false,
): Promise<Fault[]> {
  const ours = updates.filter(({ ref }) => concerns(names, ref, ignoresCase));
  if (ours.length > mostRefs)
    return [{ ref: `${ours.length} refs`, words: `a push may have ${mostRefs}`, hint: undefined }];
  // Git's server would apply them one after the other, and which one was judged?
  const seen = new Set<string>();
  const twice = ours.find(({ ref }) => seen.size === seen.add(ref).size);
  if (twice) return [{ ref: twice.ref, words: 'it stands twice in one push', hint: undefined }];
  const push = openPush(names, objects, ours, who);
  const faults = await pLimit(atOnce).map(ours, async (update): Promise<Fault[]> => {
    try {
      await checkUpdate(push, update);
      return [];
    } catch (error) {
      if (!(error instanceof DstackError) || error.code === 'git-failed') throw error;
      return [{ ref: update.ref, words: error.message.slice(0, mostOfWords), hint: error.hint }];
    }
  });
  return faults.flat();
}

function concerns({ prefix, notes, history }: RefNames, ref: string, ignoresCase: boolean): boolean {
  const fold = (text: string) => (ignoresCase ? text.toLowerCase() : text);
  const isIn = (inner: string, outer: string) => fold(`${inner}/`).startsWith(fold(`${outer}/`));
  const isBelow = (folder: string) => isIn(ref, folder);
  // What Git takes for one of dstack's where that isn't there: `git log refs/dstack/runs` would show something else.
  const isShadow = ['refs', 'refs/tags', 'refs/heads', 'refs/remotes'].some((place) =>
    isBelow(`${place}/${prefix}`),
  );
  // A ref that replaces objects would show others than those that were checked.
  return isBelow(prefix) || isBelow(notes) || isShadow || isIn(history, ref) || isBelow('refs/replace');
}

async function checkUpdate(push: Push, { ref, from, to }: Update): Promise<void> {
  if (to === null && push.is('admin')) return;
  const place = placeOf(push.names, ref);
  if (place === null) refuse("no ref of dstack's is called so");
  if (place === 'free') return push.needs('submitter', 'runner');
  if (place.area === 'runs') return checkRun(await plain(push, ref, from, to), place.run);
  if (place.area === 'jobs') return checkOutcome(await plain(push, ref, from, to), place);
  if (place.area === 'notes') {
    if (place.run.startsWith('probe-') && !(await push.run(place.run)))
      return push.needs('submitter', 'runner');
    return checkNote(await plain(push, ref, from, to), place);
  }

  if (place.area === 'pruned') return checkPruned(await plain(push, ref, from, to), place.name);
  if (place.area === 'archive') {
    const change = await plain(push, ref, from, to);
    return place.part === 'keep' ? checkKeeper(change) : checkIndex(change, place.shard);
  }

  const [before, after] = [await held(push.objects, from), await held(push.objects, to)];
  const holdsNothing = after.standIn !== null && heldBy(after.standIn.id, after.standIn) === null;
  // A shallow push may leave out what it is built on.
  if (to !== null && !after.commit && !holdsNothing) refuse('what it points at is missing');
  if (after.standIn) await checkStandIn(push.objects, after.standIn, from, after.commit);
  const change = { push, ref, old: before.commit, next: after.commit };
  if (change.old?.id === change.next?.id) return;
  if (change.next === null && push.is('admin')) return;
  switch (place.area) {
    case 'queue':
      return checkQueue(change, place);
    case 'claims':
      return checkClaim(change, place);
    case 'nodes':
      return checkNode(change, place);
    case 'stops':
      return checkStop(change, place);
    case 'cache':
      return checkCache(change, place.name);
    case 'runners':
      return checkCard(change, place.name);
    case 'tags':
      return checkTag(change);
    case 'triggers':
      return checkSeen(change, place.name);
  }
}

/** Of refs that are created once, there are no stand-ins. */
async function plain(push: Push, ref: string, from: string | null, to: string | null): Promise<Change> {
  const next = to === null ? null : await push.objects.commit(to);
  const old = from === null ? null : await push.objects.commit(from);
  // An update that will fail, for its old value is none, would vouch for others beside it until then.
  if (from !== null && old === null) refuse('it does not point at what it is said to');
  return { push, ref, old, next };
}

/** What a ref is for. `free`: of those who try out what a host allows; nobody reads it. */
function placeOf(
  names: RefNames,
  ref: string,
): ParsedRef | { area: 'notes'; run: string; job: string } | 'free' | null {
  const parts = (folder: string) =>
    ref.startsWith(`${folder}/`) ? ref.slice(folder.length + 1).split('/') : null;
  const note = parts(names.notes);
  if (note) {
    const [run, job, ...rest] = note;
    return run && job && isName(run) && isName(job) && rest.length === 0 ? { area: 'notes', run, job } : null;
  }
  const probe = parts(names.probe('', '').replace(/\/+$/, ''));
  if (probe) return probe.every(isName) && probe.length === 2 ? 'free' : null;
  const parsed = names.parse(ref);
  if (parsed?.area === 'cache' && /^check-[0-9a-f-]{36}$/.test(parsed.name)) return 'free';
  return parsed;
}
