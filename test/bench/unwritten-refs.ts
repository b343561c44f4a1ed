import type { RefUpdate } from '../../src/git/push.ts';
import type { SharedRepository } from '../../src/ledger/shared-repository.ts';

/**
 * The shared repository as if it had these refs, too, whose objects it has: writing and deleting thousands of real ones
 * takes by far the most time of making a history. What is deleted of them leaves `refs`; everything else is real.
 */
export function withUnwrittenRefs(inner: SharedRepository, refs: Map<string, string>): SharedRepository {
  const isBelow = (ref: string, prefix: string) =>
    ref === prefix || ref.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
  return {
    ...inner,
    async list(prefixes, options) {
      const written = await inner.list(prefixes, options);
      const unwritten = [...refs].filter(([ref]) => prefixes.some((prefix) => isBelow(ref, prefix)));
      return new Map([...written, ...unwritten]);
    },
    async tips(wanted) {
      const unwritten = wanted.flatMap((ref) =>
        refs.has(ref) ? [[ref, refs.get(ref) as string] as const] : [],
      );
      return new Map([...(await inner.tips(wanted)), ...unwritten]);
    },
    async push(updates, options) {
      const isUnwritten = ({ ref, to }: RefUpdate) => to === null && refs.has(ref);
      const outcome = await inner.push(
        updates.filter((update) => !isUnwritten(update)),
        options,
      );
      if (outcome.ok) for (const { ref } of updates.filter(isUnwritten)) refs.delete(ref);
      return outcome;
    },
  };
}
