import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { lacksRoom } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import { type CommitInput, neededBy } from '../git/commit-input.ts';
import { type HookStandIn, openDirectPush } from '../git/direct-push.ts';
import { fetchRefs } from '../git/fetch.ts';
import { readLoose } from '../git/loose-reader.ts';
import { type ObjectReader, openObjectReader } from '../git/object-reader.ts';
import { push, type RefUpdate } from '../git/push.ts';
import { openRefFiles } from '../git/ref-files.ts';
import { listRefs } from '../git/refs.ts';
import { openRepository, type Repository } from '../git/repository.ts';
import { sendObjects } from '../git/send-objects.ts';
import { writeCommits, writeEncoded } from '../git/write-commits.ts';
import { openHookEffects } from './hook-effects.ts';
import { exactly, type SharedRepository, unreachable } from './shared-repository.ts';

/**
 * A folder on this machine: read directly, so that a look costs a process at most and transfers nothing; and written directly,
 * where that is the same as a push.
 */
export async function openOnThisMachine(local: Repository, path: string): Promise<SharedRepository> {
  const shared = await openRepository(path);
  if (shared.objectFormat !== local.objectFormat)
    throw differentFormat(path, shared.objectFormat, local.objectFormat);
  const reader = openObjectReader(shared.gitDir);
  const ownReader = openObjectReader(local.gitDir);
  const files = openRefFiles(shared);
  const listHere = async (prefixes: readonly string[]): Promise<ReadonlyMap<string, string>> =>
    files.list(prefixes) ?? listRefs(shared.gitDir, prefixes);
  const effects = openHookEffects(shared);
  /** Copies what only the local repository has: branches, and what lies beside the refs to be, have most of it already. */
  const send = async (ids: readonly string[], updates: readonly RefUpdate[]): Promise<boolean> => {
    const beside = updates.map(({ ref }) => dirname(ref));
    const tips = await listHere([...new Set(['refs/heads', ...beside])]);
    return sendObjects(local, shared, ids, [...new Set(tips.values())]);
  };
  const hook: HookStandIn = {
    mayStandIn: () => effects.isOwnOrNone(),
    follow: (refs, config) => effects.follow(refs, config),
  };
  const direct = openDirectPush(shared, reader, hook, send);

  /** Is it a path in what a ref there points at, which is there with all that belongs to it? */
  const isInTip = (name: string): boolean => {
    const colon = name.indexOf(':');
    return colon > 0 && direct.isTip(name.slice(0, colon));
  };

  const obtain = async (ids: readonly string[]): Promise<void> => {
    const known = await Promise.all(ids.map((id) => ownReader.read(id)));
    const missing = ids.filter((_, index) => !known[index]);
    if (missing.length === 0) return;
    const failure = await fetchRefs(local, path, missing);
    if (failure) throw unreachable(path, failure);
  };
  /** What was written there, and is to be pushed after all, has to be here. */
  const bringHere = async (updates: readonly RefUpdate[]): Promise<void> => {
    const elsewhere: string[] = [];
    for (const id of updates.flatMap(({ to }) => to ?? [])) {
      const encoded = direct.unpushed(id);
      if (encoded) await writeEncoded(local, encoded).catch(() => elsewhere.push(id));
      else if (direct.isTip(id)) elsewhere.push(id);
    }
    if (elsewhere.length > 0) await obtain(elsewhere);
  };

  const gone = () => unreachable(path, { code: 'unreachable', words: 'it is gone', hint: undefined });
  /** Git ends where its repository goes while it reads: that is an outage, which passes, no damage. */
  const readThere: ObjectReader['read'] = async (name) => {
    try {
      const found = await reader.read(name);
      // Nor is what can't be found then not there.
      if (found !== null || existsSync(shared.gitDir)) return found;
    } catch {
      if (existsSync(shared.gitDir)) return reader.read(name);
    }
    throw gone();
  };

  /** Was something missing here that commits build on, and is there? */
  const bringBases = async (commits: readonly CommitInput[]): Promise<boolean> => {
    const needed = [...neededBy(commits)];
    const here = await Promise.all(needed.map((id) => ownReader.read(id)));
    const there = await Promise.all(needed.map((id) => readThere(id)));
    const missing = needed.filter((_, index) => !here[index] && there[index]);
    if (missing.length > 0) await obtain(missing);
    return missing.length > 0;
  };

  return {
    location: path,
    remote: path,
    local,
    path: shared.commonDir,
    async list(prefixes) {
      if (!existsSync(shared.gitDir)) throw gone();
      const refs = await listHere(prefixes);
      direct.sawTips(refs.values());
      return refs;
    },
    tips: async (refs) => files.tips(refs) ?? exactly(refs, await listRefs(shared.gitDir, refs)),
    async read(name) {
      const there = await readThere(name);
      // A path that is not in an object is in none of that id, so the own repository isn't asked about it.
      if (there !== null || isInTip(name) || readLoose(shared.objectDir, name) === null) return there;
      return ownReader.read(name);
    },
    async obtain(ids, { toBuildOn = false } = {}) {
      if (toBuildOn && (await direct.isPossible())) {
        const there = await Promise.all(ids.map((id) => readThere(id)));
        if (there.every(Boolean)) return;
      }
      await obtain(ids);
    },
    expectPush: () => direct.begin(),
    async write(commits, { pushed = false } = {}) {
      // Who has no room is not to begin anything, and hears it where he writes.
      const ids = pushed || (await lacksRoom(local.objectDir)) ? null : await direct.write(commits);
      if (ids) return ids;
      return writeCommits(local, commits, ownReader).catch(async (error: unknown) => {
        if (!(await bringBases(commits))) throw error;
        return writeCommits(local, commits, ownReader);
      });
    },
    async push(updates, { atomic = false, limit } = {}) {
      if (updates.length === 0) return { ok: true };
      const outcome = await direct.push(updates, { atomic });
      if (outcome) return outcome;
      await bringHere(updates);
      return push(local, path, updates, { atomic, limit });
    },
    // As Git changes refs in files: it deletes last.
    pushWhole: (updates) => direct.push(updates, { atomic: true }),
    close() {
      direct.close();
      reader.close();
      ownReader.close();
    },
  };
}

function differentFormat(path: string, theirs: string, ours: string): DstackError {
  return new DstackError('object-format', `${path} holds ${theirs} objects, this repository ${ours} ones`, {
    hint: `make a shared repository of the same kind: git init --bare --object-format=${ours} PATH`,
  });
}
