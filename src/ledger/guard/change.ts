import type { ParsedCommit } from '../../git/object-reader.ts';
import type { RefUpdate } from '../../git/push.ts';
import { archivedRunSchema, runPath } from '../archive/archived-run.ts';
import { archiveTips } from '../archive/read-archive.ts';
import { parseFile } from '../formats.ts';
import type { JobId, RefNames } from '../refs.ts';
import { parseRunMessage, type RunMessage } from '../run-message.ts';
import { heldBy } from '../stand-ins.ts';
import type { RunView } from '../state.ts';
import { most } from './limits.ts';
import { type Commit, type PushedObjects, refuse } from './objects.ts';
import type { Role } from './roles.ts';

export type Update = RefUpdate & { readonly from: string | null };

/** One ref's change, as what it held before and is to hold. */
export interface Change {
  readonly push: Push;
  readonly ref: string;
  readonly old: Commit | null;
  readonly next: Commit | null;
}

/** A run of which the server knows, or is about to. */
export interface KnownRun {
  readonly commit: string;
  readonly message: RunMessage | null;
  /** It is there, not only in this push. */
  readonly isThere: boolean;
}

/** A push that is judged, beside what is there. */
export interface Push {
  readonly names: RefNames;
  readonly objects: PushedObjects;
  /** @throws `refused-by-guard` unless the pusher is one of these */
  needs(...roles: readonly Role[]): void;
  is(role: Role): boolean;
  /** What a ref holds on the server now. */
  holds(ref: string): Promise<Commit | null>;
  /** What is there counts before what is pushed, which will fail then. */
  run(run: string): Promise<KnownRun | null>;
  /** A run as the archive has it, by the indexes that are there now. */
  archived(run: string): Promise<RunView | null>;
  /** Is this ref not there, or does it go in this very push? */
  isGone(ref: string): Promise<boolean>;
  /** The commit that a job ended with, from where outcomes rest, or coming to rest there. */
  outcome(id: JobId): Promise<string | null>;
}

export function openPush(
  names: RefNames,
  objects: PushedObjects,
  updates: readonly Update[],
  who: { user: string; roles: ReadonlySet<Role> },
): Push {
  const pushed = new Map(updates.map(({ ref, to }) => [ref, to]));
  const runs = new Map<string, Promise<KnownRun | null>>();
  const readRun = async (run: string): Promise<KnownRun | null> => {
    const ref = names.run(run);
    const there = await objects.tip(ref);
    const id = there ?? pushed.get(ref) ?? null;
    const commit = id === null ? null : await objects.commit(id);
    return commit && { commit: commit.id, message: parseRunMessage(commit.message), isThere: there !== null };
  };
  const inArchive = new Map<string, Promise<RunView | null>>();
  return {
    names,
    objects,
    is: (role) => who.roles.has(role),
    needs(...wanted) {
      if (!wanted.some((role) => who.roles.has(role)))
        refuse(
          `${who.user} is no ${wanted.join(' or ')} here`,
          'see `git config --get-regexp dstack.guard` there',
        );
    },
    holds: async (ref) => (await held(objects, await objects.tip(ref))).commit,
    run(run) {
      const known = runs.get(run) ?? readRun(run);
      runs.set(run, known);
      return known;
    },
    archived(run) {
      const known = inArchive.get(run) ?? findArchived(names, objects, run);
      inArchive.set(run, known);
      return known;
    },
    isGone: async (ref) => pushed.get(ref) === null || (await objects.tip(ref)) === null,
    async outcome(id) {
      const ref = names.job('jobs', id);
      return (await objects.tip(ref)) ?? pushed.get(ref) ?? null;
    },
  };
}

/** As whoever reads it finds it: in the newest index first. */
async function findArchived(names: RefNames, objects: PushedObjects, run: string): Promise<RunView | null> {
  const tips = [...archiveTips(names, await objects.tips()).values()].reverse();
  for (const commit of tips) {
    const file = await objects.file(commit, runPath(run), most.archivedRun);
    const found = file && parseFile(archivedRunSchema, runPath(run), file.content).run;
    if (found?.name === run) return found;
  }
  return null;
}

/**
 * What a ref with this tip holds: hosts that refuse rewinds and deletes have commits that stand for others.
 * @returns also the stand-in itself, if there is one
 */
export async function held(
  objects: PushedObjects,
  tip: string | null,
): Promise<{ commit: Commit | null; standIn: Commit | null }> {
  const commit = tip === null ? null : await objects.commit(tip);
  if (commit === null) return { commit, standIn: null };
  const id = heldBy(commit.id, commit);
  return id === commit.id
    ? { commit, standIn: null }
    : { commit: id === null ? null : await objects.commit(id), standIn: commit };
}

/** A stand-in must bring nothing but what it stands for. @throws `refused-by-guard` */
export async function checkStandIn(
  objects: PushedObjects,
  standIn: Commit,
  above: string | null,
  stands: Commit | null,
): Promise<void> {
  const expected = [above, stands?.id ?? null];
  if (standIn.parents.some((parent) => !expected.includes(parent)) || standIn.parents.length > 2)
    refuse('it stands for a commit, and brings others');
  if (stands ? standIn.tree !== stands.tree : (await objects.tree(standIn.tree)).size > 0)
    refuse('it stands for something, and has files of its own');
  if (stands && heldBy(stands.id, stands) !== stands.id)
    refuse('it stands for what stands for something else');
}

/** @throws `refused-by-guard` */
export function checkNoParents({ parents }: Pick<ParsedCommit, 'parents'>): void {
  if (parents.length > 0) refuse('it has a history, where there is none');
}
