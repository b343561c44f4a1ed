import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CommitInput } from './commit-input.ts';
import { checkParents, type EncodedCommits, encodeCommits } from './encode-commits.ts';
import type { ObjectReader } from './object-reader.ts';
import type { PushOutcome, RefUpdate } from './push.ts';
import { openRefUpdater } from './ref-updater.ts';
import type { Repository } from './repository.ts';
import { openRepositoryConfig, type RepositoryConfig } from './repository-config.ts';
import { readSharedPermissions } from './shared-permissions.ts';
import { openTidyUp, tidyUp } from './tidy-up.ts';
import { explainTransferFailure } from './transfer-failure.ts';
import { isMuch, writeEncoded } from './write-commits.ts';

/**
 * What a push does, in a repository on this machine, without one: objects are written where they are to be, and refs
 * changed there with the same conditions.
 */
export interface DirectPush {
  /**
   * Writes commits into that repository.
   * @returns their ids; null if they build on what it doesn't have, or can't be written there
   */
  write(commits: readonly CommitInput[]): Promise<string[] | null>;
  /** Takes note of what its refs point at: that is there, with all that belongs to it. */
  sawTips(ids: Iterable<string>): void;
  isTip(id: string): boolean;
  /** Is what is done here the same as a push, as the repository is now? */
  isPossible(): Promise<boolean>;
  /** Begins what every push needs. */
  begin(): void;
  /** What was written there and not pushed yet: to be written elsewhere, too. */
  unpushed(id: string): EncodedCommits | null;
  /** Changes refs; null if that is not the same as a push, or some object might not be there: no ref was changed then. */
  push(updates: readonly RefUpdate[], options: { atomic: boolean }): Promise<PushOutcome | null>;
  close(): void;
}

/** So much that is written and not pushed yet is kept, to be written again should somebody tidy up; bytes. */
const keptBytes = 16 << 20;
const knownTips = 50_000;

/** Hooks that have a say in a push, or run because of it. */
const hooksOfPushes = ['pre-receive', 'update', 'proc-receive', 'reference-transaction', 'post-update'];

/** Does what the `post-receive` hook there would do. */
export interface HookStandIn {
  /** Asked before every push: can it? Otherwise only Git can run the hook. */
  mayStandIn(): Promise<boolean>;
  /** After refs were changed. */
  follow(refs: readonly string[], config: RepositoryConfig): Promise<void>;
}

/**
 * @param send brings objects, and all that belongs to them, from where else they may be; false: it could not
 */
export function openDirectPush(
  shared: Repository,
  reader: Pick<ObjectReader, 'read'>,
  hook: HookStandIn,
  send: (ids: readonly string[], updates: readonly RefUpdate[]) => Promise<boolean> = async () => false,
): DirectPush {
  const updater = openRefUpdater(shared.gitDir);
  const readConfig = openRepositoryConfig(shared);
  const tidyUpAfter = openTidyUp(shared);
  const written = new Map<string, EncodedCommits>();
  const tips = new Set<string>();
  let bytes = 0;

  const remember = (encoded: EncodedCommits) => {
    for (const id of encoded.ids) written.set(id, encoded);
    bytes += sizeOf(encoded);
    for (const [id, old] of written) {
      if (bytes <= keptBytes || old === encoded) break;
      forget(id);
    }
  };
  const forget = (id: string) => {
    const encoded = written.get(id);
    if (encoded === undefined) return;
    for (const one of encoded.ids) written.delete(one);
    bytes -= sizeOf(encoded);
  };
  const sawTips = (ids: Iterable<string>) => {
    for (const id of ids) tips.add(id);
    for (const old of tips) {
      if (tips.size <= knownTips) break;
      tips.delete(old);
    }
  };
  /** The settings there, if a push would be the same as what is done here. */
  const usualConfig = async (): Promise<RepositoryConfig | null> => {
    if (!takesDirectPushes(shared)) return null;
    const config = await readConfig().catch(() => null);
    const usual = config !== null && pushesAreUsual(config) && (await hook.mayStandIn().catch(() => false));
    return usual ? config : null;
  };

  return {
    sawTips,
    isTip: (id) => tips.has(id),
    isPossible: async () => (await usualConfig()) !== null,
    begin() {
      updater.start();
      readConfig().catch(() => {});
    },
    unpushed: (id) => written.get(id) ?? null,
    async write(commits) {
      checkParents(commits);
      if (isMuch(commits) || !(await usualConfig())) return null;
      try {
        const encoded = await encodeCommits(shared, commits, reader);
        await writeEncoded(shared, encoded);
        remember(encoded);
        return encoded.ids;
      } catch {
        // Whoever writes elsewhere, and pushes, hears why.
        return null;
      }
    },
    async push(updates, { atomic }) {
      const ids = new Set(updates.flatMap(({ to }) => to ?? []));
      const absent = [...ids].filter((id) => !written.has(id) && !tips.has(id));
      if (updates.some(({ ref }) => /^refs\/(heads|tags)\//.test(ref))) return null;
      const config = await usualConfig();
      if (config === null) return null;
      if (absent.length > 0) {
        if (wantsCheckedObjects(config) || !isOwn(shared)) return null;
        if (!(await send(absent, updates))) return null;
      }
      const permissions = readSharedPermissions(shared.commonDir);
      const own = new Set([...ids].flatMap((id) => written.get(id) ?? []));
      // Until a ref leads to them they are nobody's: somebody who tidies up may have removed them, or be about to.
      const writeAgain = async () => {
        for (const encoded of own) await writeEncoded(shared, encoded, permissions);
      };
      try {
        await writeAgain();
      } catch {
        return null;
      }
      const { done, words } = await updater.update(updates, atomic);
      if (done.size > 0) {
        await writeAgain().catch(() => {});
        await hook.follow([...done], config);
        // Who submits changes few refs in his life, and nobody else may look after what comes of it.
        await (absent.length > 0 ? tidyUp(shared, config) : tidyUpAfter(done.size, config));
      }
      for (const { ref, to } of updates) {
        if (to === null || !done.has(ref)) continue;
        sawTips([to]);
        forget(to);
      }
      if (done.size === updates.length) return { ok: true };
      return { ok: false, failure: explainTransferFailure(words), done };
    },
    close: () => updater.close(),
  };
}

function sizeOf({ blobs, trees, tips }: EncodedCommits): number {
  return [...blobs, ...trees, ...tips].reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Does a push into it change nothing but refs, whatever its settings? */
function takesDirectPushes({ gitDir, commonDir, workTree }: Repository): boolean {
  const has = (name: string) => existsSync(join(commonDir, name));
  return (
    workTree === null &&
    gitDir === commonDir &&
    has('HEAD') &&
    !has('shallow') &&
    !hooksOfPushes.some((hook) => has(join('hooks', hook)))
  );
}

/** Settings of the receiving side that change nothing for refs other than branches, or only how objects are kept. */
const harmless =
  /^(receive\.(autogc|shallowupdate|unpacklimit|fsckobjects|fsck\..*|denycurrentbranch|denydeletecurrent|denydeletes|denynonfastforwards|keepalive)|transfer\.(unpacklimit|fsckobjects|fsck\..*|credentialsinurl))$/;

/** Of another user's repository Git may want to be told first that it is to be trusted. */
function isOwn({ commonDir }: Repository): boolean {
  return statSync(commonDir, { throwIfNoEntry: false })?.uid === process.geteuid?.();
}

/** Is what others have made to be looked into, as only a push has it done? */
function wantsCheckedObjects(config: RepositoryConfig): boolean {
  return [...config.keys()].some((key) => /^(receive|transfer)\.fsck/.test(key));
}

/** Do the settings leave pushes to other refs than branches as they usually are? */
function pushesAreUsual(config: RepositoryConfig): boolean {
  const decisive = /^(receive|transfer)\./;
  return [...config.keys()].every(
    (key) =>
      (!decisive.test(key) || harmless.test(key)) &&
      key !== 'core.hookspath' &&
      !key.startsWith('extensions.partial'),
  );
}
