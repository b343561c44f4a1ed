import type { ParsedCommit } from '../../git/object-reader.ts';
import type { RefUpdate } from '../../git/push.ts';
import type { JobId, RefNames } from '../refs.ts';
import { parseRunMessage, type RunMessage } from '../run-message.ts';
import { heldBy } from '../stand-ins.ts';
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
    async outcome(id) {
      const ref = names.job('jobs', id);
      return (await objects.tip(ref)) ?? pushed.get(ref) ?? null;
    },
  };
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
