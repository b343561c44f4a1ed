import { DstackError } from '../../errors.ts';
import { isName } from '../names.ts';
import type { ParsedRef, RefNames } from '../refs.ts';
import { type Change, checkStandIn, held, openPush, type Push, type Update } from './change.ts';
import { checkClaim } from './claim-rules.ts';
import { mostRefs } from './limits.ts';
import { type PushedObjects, refuse } from './objects.ts';
import { checkCache, checkNote, checkOutcome } from './outcome-rules.ts';
import { checkCard, checkSeen, checkStop } from './request-rules.ts';
import type { Role } from './roles.ts';
import { checkQueue, checkRun, checkTag } from './run-rules.ts';

/** Why an update is refused. */
export interface Fault {
  readonly ref: string;
  readonly words: string;
  readonly hint: string | undefined;
}

/**
 * Judges a push before any of it is applied: which refs it may change how, by who pushes, and that every object is
 * what belongs there. Refs of no concern to dstack pass. What is compared with what is there now can have changed by
 * the time the push is applied; but each update is one of its own ref's old value, or it fails.
 * @returns what is wrong; nothing: let it pass
 */
export async function checkPush(
  updates: readonly Update[],
  names: RefNames,
  objects: PushedObjects,
  who: { user: string; roles: ReadonlySet<Role> },
): Promise<Fault[]> {
  const ours = updates.filter(({ ref }) => concerns(names, ref));
  if (ours.length > mostRefs)
    return [{ ref: `${ours.length} refs`, words: `a push may have ${mostRefs}`, hint: undefined }];
  const push = openPush(names, objects, ours, who);
  const faults = await Promise.all(
    ours.map(async (update): Promise<Fault[]> => {
      try {
        await checkUpdate(push, update);
        return [];
      } catch (error) {
        if (!(error instanceof DstackError) || error.code === 'git-failed') throw error;
        return [{ ref: update.ref, words: error.message, hint: error.hint }];
      }
    }),
  );
  return faults.flat();
}

function concerns({ prefix, notes, history }: RefNames, ref: string): boolean {
  const isBelow = (folder: string) => `${ref}/`.startsWith(`${folder}/`);
  // What Git takes for one of dstack's where that isn't there: `git log refs/dstack/runs` would show something else.
  const isShadow = ['refs', 'refs/tags', 'refs/heads', 'refs/remotes'].some((place) =>
    isBelow(`${place}/${prefix}`),
  );
  const isInTheWay = `${history}/`.startsWith(`${ref}/`);
  // A ref that replaces objects would show others than those that were checked.
  return isBelow(prefix) || isBelow(notes) || isShadow || isInTheWay || isBelow('refs/replace');
}

async function checkUpdate(push: Push, { ref, from, to }: Update): Promise<void> {
  if (to === null && push.is('admin')) return;
  const place = placeOf(push.names, ref);
  if (place === null) refuse('no ref of dstack’s is called so');
  if (place === 'free') return push.needs('submitter', 'runner');
  if (place.area === 'runs') return checkRun(await plain(push, ref, from, to), place.run);
  if (place.area === 'jobs') return checkOutcome(await plain(push, ref, from, to), place);
  if (place.area === 'notes') {
    if (place.run.startsWith('probe-') && !(await push.run(place.run))) return;
    return checkNote(await plain(push, ref, from, to), place);
  }

  const [before, after] = [await held(push.objects, from), await held(push.objects, to)];
  if (to !== null && !after.standIn && !after.commit) refuse('what it points at is missing');
  if (after.standIn) await checkStandIn(push.objects, after.standIn, from, after.commit);
  const change = { push, ref, old: before.commit, next: after.commit };
  if (change.old?.id === change.next?.id) return;
  if (change.next === null && push.is('admin')) return;
  switch (place.area) {
    case 'queue':
      return checkQueue(change, place);
    case 'claims':
      return checkClaim(change, place);
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
  const [old, next] = [from && (await push.objects.commit(from)), to && (await push.objects.commit(to))];
  return { push, ref, old: old || null, next: next || null };
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
