import { DstackError } from '../errors.ts';
import { parseCommit } from '../git/object-reader.ts';
import type { PushOutcome, RefUpdate } from '../git/push.ts';
import type { CommitInput } from '../git/write-commits.ts';
import type { SharedRepository } from './shared-repository.ts';
import { heldBy, standIn } from './stand-ins.ts';

/** What a host lets be done with a ref, besides creating it and putting commits on top. */
export interface HostAbilities {
  /** Replace its commit by one that isn't built on it. */
  readonly rewind: boolean;
  readonly delete: boolean;
}

/** How often an update that depends on nothing is tried where it has to be built on what is there. */
const triesUnleased = 3;
/** So many tips are remembered at least. */
const remembered = 20_000;

/**
 * A shared repository in which every ref can be replaced and deleted, on a host that refuses either: where it would,
 * stand-ins are pushed, and whatever the host, they are read as what they stand for.
 * @param isPlain refs that are created once and stay as they are: their tips are taken for what they are, unread
 */
export function withStandIns(
  inner: SharedRepository,
  host: HostAbilities,
  isPlain: (ref: string) => boolean,
): SharedRepository {
  /** What the tips that were seen hold. */
  const holdings = new Map<string, string | null>();
  /** The tips of refs that hold something else than their tip, as seen last. */
  const stoodIn = new Map<string, string>();

  const holdingOf = async (tip: string): Promise<string | null> => {
    const known = holdings.get(tip);
    if (known !== undefined) return known;
    const object = await inner.read(tip);
    if (object === null) return tip;
    const held = object.type === 'commit' ? heldBy(tip, parseCommit(object.content)) : tip;
    holdings.set(tip, held);
    return held;
  };
  const note = (ref: string, tip: string | null, held: string | null) => {
    if (tip === held) stoodIn.delete(ref);
    else stoodIn.set(ref, tip as string);
  };

  const list: SharedRepository['list'] = async (prefixes, options) => {
    const tips = await inner.list(prefixes, options);
    for (const ref of stoodIn.keys()) {
      if (!tips.has(ref) && prefixes.some((prefix) => `${ref}/`.startsWith(`${prefix}/`)))
        stoodIn.delete(ref);
    }
    const refs = new Map<string, string>();
    const entries = [...tips].map(
      async ([ref, tip]) => [ref, tip, isPlain(ref) ? tip : await holdingOf(tip)] as const,
    );
    for (const [ref, tip, held] of await Promise.all(entries)) {
      note(ref, tip, held);
      if (held !== null) refs.set(ref, held);
    }
    const excess = holdings.size - Math.max(remembered, 2 * tips.size);
    for (const tip of [...holdings.keys()].slice(0, Math.max(0, excess))) holdings.delete(tip);
    return refs;
  };

  /** The tip by which a ref holds `from`, as far as is known. */
  const tipFor = (ref: string, from: string | null): string | null => {
    const tip = stoodIn.get(ref);
    return tip !== undefined && holdings.get(tip) === from ? tip : from;
  };

  const committedAt = async (tip: string): Promise<number> => {
    const object = await inner.read(tip);
    return object?.type === 'commit' ? parseCommit(object.content).committedAt : 0;
  };

  /** What brings a ref from this tip to holding `to`. */
  const stepFor = async ({ ref, tip, to }: Change): Promise<Step> => {
    const plain = { ref, from: tip, to, standIn: null };
    if (tip === null || tip === to) return plain;
    if (to === null) {
      if (host.delete) return plain;
      if (holdings.get(tip) === null) return { ...plain, to: tip };
      const input = host.rewind ? standIn(null, null, 0) : standIn(tip, null, await committedAt(tip));
      return { ...plain, standIn: { held: null, input } };
    }
    if (host.rewind) return plain;
    const object = await inner.read(to);
    const commit = object?.type === 'commit' ? parseCommit(object.content) : null;
    if (!commit || commit.parents.includes(tip)) return plain;
    const input = standIn(tip, { commit: to, tree: commit.tree }, commit.committedAt);
    return { ...plain, standIn: { held: to, input } };
  };

  const writeStandIns = async (steps: readonly Step[]): Promise<Step[]> => {
    const standIns = steps.flatMap(({ standIn }) => standIn ?? []);
    if (standIns.length === 0) return [...steps];
    await inner.obtain([...new Set(standIns.flatMap(({ input }) => input.parents))], { toBuildOn: true });
    const ids = await inner.write(standIns.map(({ input }) => input));
    for (const [index, { held }] of standIns.entries()) holdings.set(ids[index] as string, held);
    let next = 0;
    return steps.map((step) => (step.standIn ? { ...step, to: ids[next++] as string } : step));
  };

  const pushOnTips = async (changes: readonly Change[], options: PushOptions): Promise<PushOutcome> => {
    let steps: Step[];
    try {
      steps = await writeStandIns(await Promise.all(changes.map(stepFor)));
    } catch (error) {
      if (!(error instanceof DstackError) || error.code === 'disk-full') throw error;
      return { ok: false, failure: { code: 'failed', words: error.message, hint: error.hint } };
    }
    const outcome = await inner.push(
      steps.map(({ ref, from, to }) => ({ ref, from, to })),
      options,
    );
    if (!outcome.ok) return outcome;
    // What was not made here as a stand-in is no other one either: it holds itself.
    for (const { ref, to } of steps) {
      const known = to === null ? null : holdings.get(to);
      note(ref, to, known === undefined ? to : known);
    }
    return outcome;
  };

  /** What depends on nothing is put on top of whatever is there. */
  const pushUnleased = async (updates: readonly RefUpdate[], options: PushOptions): Promise<PushOutcome> => {
    for (let attempt = 1; ; attempt += 1) {
      const now = await list(updates.map(({ ref }) => ref));
      const changes = updates
        .filter(({ ref, to }) => (now.get(ref) ?? null) !== to)
        .map(({ ref, to }) => ({ ref, tip: tipFor(ref, now.get(ref) ?? null), to }));
      if (changes.length === 0) return { ok: true };
      const outcome = await pushOnTips(changes, options);
      if (outcome.ok || attempt === triesUnleased) return outcome;
    }
  };

  return {
    ...inner,
    list,
    async push(updates, options = {}) {
      if (updates.some(({ from }) => from === undefined)) {
        return host.rewind ? inner.push(updates, options) : pushUnleased(updates, options);
      }
      const changes = updates.map(({ ref, from = null, to }) => ({ ref, tip: tipFor(ref, from), to }));
      return pushOnTips(changes, options);
    },
    async pushWhole(updates) {
      const isPlainly = host.rewind && host.delete && !updates.some(({ ref }) => stoodIn.has(ref));
      return (isPlainly && (await inner.pushWhole?.(updates))) || null;
    },
    async tips(refs) {
      const held = [...(await inner.tips(refs))].map(
        async ([ref, tip]) => [ref, await holdingOf(tip)] as const,
      );
      return new Map((await Promise.all(held)).flatMap(([ref, id]) => (id === null ? [] : [[ref, id]])));
    },
  };
}

type PushOptions = NonNullable<Parameters<SharedRepository['push']>[1]>;

/** A ref, its tip as far as is known, and what it is to hold. */
interface Change {
  readonly ref: string;
  readonly tip: string | null;
  readonly to: string | null;
}

interface Step {
  readonly ref: string;
  readonly from: string | null;
  readonly to: string | null;
  /** What has to be written first and pushed in its place. */
  readonly standIn: { readonly held: string | null; readonly input: CommitInput } | null;
}
