import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DstackError } from '../errors.ts';
import { listRemoteRefs } from '../git/fetch.ts';
import { pushOvertaken } from '../git/probe-remote.ts';
import { push, type RefUpdate } from '../git/push.ts';
import type { Repository } from '../git/repository.ts';
import type { TransferFailure } from '../git/transfer-failure.ts';
import { writeCommits } from '../git/write-commits.ts';
import type { RefNames } from './refs.ts';
import { unreachable, withoutPassword } from './shared-repository.ts';

/** Whether a host does something, and what it says where it doesn't. */
export interface Answer {
  /** Null: that could not be found out. */
  readonly can: boolean | null;
  /** The host's own words: foreign text. */
  readonly words: string | null;
}

/** Scratch refs at a remote, by which it is found out what that allows. */
export interface ProbeRefs {
  /** One's own, among those of others. */
  readonly id: string;
  /** Writes a commit here that is like no other. @returns its id */
  commit(parent?: string | null, content?: Uint8Array): Promise<string>;
  /** Pushes an update, and looks whether it was applied, whatever was said of it. */
  apply(update: RefUpdate): Promise<Answer>;
  /** Pushes updates, and others ahead of them once the remote has said what it has; see {@link pushOvertaken}. */
  race(
    updates: readonly RefUpdate[],
    overtaking: readonly RefUpdate[],
    options: { atomic: boolean },
  ): Promise<{ overtaken: boolean; words: string | null }>;
  /** What these refs point at there. @throws DstackError `unreachable` and the like */
  tips(refs: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Removes what those have left who were killed an hour ago or earlier. */
  sweep(names: RefNames): Promise<void>;
  /** Removes all that was created. @returns what could not be, or may not have been */
  cleanUp(): Promise<string[]>;
}

export interface ProbeRefsOptions {
  /** Commits are written here, and pushed from here. */
  readonly local: Repository;
  readonly remote: string;
  readonly who: { readonly name: string; readonly email: string };
  /** Ends the call that is going on; cleaning up is not ended. */
  readonly signal: AbortSignal | undefined;
}

/** Seconds. */
const longAgo = 60 * 60;

export function openProbeRefs({ local, remote, who, signal }: ProbeRefsOptions): ProbeRefs {
  const id = `${seconds().toString(36)}-${randomBytes(4).toString('hex')}`;
  const used = new Set<string>();
  /** What was pushed with success, and is not listed. */
  const unseen = new Map<string, string>();
  const ending = signal === undefined ? {} : { signal };

  const list = async (patterns: readonly string[]): Promise<Map<string, string>> => {
    const found = await listRemoteRefs(local, remote, patterns);
    if ('failure' in found) throw unreachable(withoutPassword(remote), found.failure);
    return found.refs;
  };
  const tips: ProbeRefs['tips'] = async (refs) =>
    new Map([...(await list(refs))].filter(([ref]) => refs.includes(ref)));

  /** One by one, if together they are refused. */
  const remove = async (refs: ReadonlyMap<string, string>): Promise<void> => {
    const updates = [...refs].map(([ref, from]) => ({ ref, from, to: null }));
    if ((await push(local, remote, updates, { atomic: false })).ok || updates.length === 1) return;
    for (const update of updates) await push(local, remote, [update], { atomic: false });
  };

  return {
    id,
    async commit(parent = null, content = randomBytes(16)) {
      const [commit = ''] = await writeCommits(local, [
        {
          parents: parent === null ? [] : [parent],
          files: [{ path: 'probe', content }],
          message: 'dstack doctor tries what this host allows\n',
          author: { ...who, time: Date.now() },
        },
      ]);
      return commit;
    },
    async apply(update) {
      used.add(update.ref);
      const outcome = await push(local, remote, [update], { atomic: false, ...ending });
      const tip = (await tips([update.ref])).get(update.ref) ?? null;
      if (tip === update.to) return { can: true, words: null };
      if (outcome.ok && tip === null && update.to !== null) unseen.set(update.ref, update.to);
      return {
        can: false,
        words: outcome.ok ? 'says yes, but nothing of it is seen' : ownWords(outcome.failure),
      };
    },
    async race(updates, overtaking, { atomic }) {
      for (const { ref } of [...updates, ...overtaking]) used.add(ref);
      const { overtaken, failure } = await pushOvertaken(local, remote, updates, {
        overtaking,
        atomic,
        signal,
      });
      return { overtaken, words: failure && ownWords(failure) };
    },
    tips,
    async sweep({ prefix, notes }) {
      const found = await list([`${prefix}/probe/*`, `${notes}/probe-*`]);
      const old = [...found].filter(([ref]) => {
        const age = seconds() - startOf(ref, prefix, notes);
        return age > longAgo;
      });
      if (old.length > 0) await remove(new Map(old));
    },
    async cleanUp() {
      try {
        for (const [ref, from] of unseen) {
          const { ok } = await push(local, remote, [{ ref, from, to: null }], { atomic: false });
          if (ok) unseen.delete(ref);
        }
        // What a call that was ended has sent may arrive a little later.
        for (const pause of signal?.aborted ? [0, 500] : [0]) {
          await sleep(pause);
          const there = await tips([...used]);
          if (there.size > 0) await remove(there);
        }
        return [...unseen.keys(), ...(await tips([...used])).keys()];
      } catch (error) {
        if (error instanceof DstackError) return [...used];
        throw error;
      }
    },
  };
}

/** Without what Git adds to every refusal. */
function ownWords({ words }: TransferFailure): string {
  const said = words.split('; ').map((part) => part.replace(/^error: /, ''));
  return said.filter((part) => !/^failed to push some refs to /.test(part)).join('; ') || words;
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** When the owner of a scratch ref began, in seconds since 1970; of anything else: never. */
function startOf(ref: string, prefix: string, notes: string): number {
  const [own, note] = [`${prefix}/probe/`, `${notes}/probe-`];
  const below = ref.startsWith(own)
    ? ref.slice(own.length)
    : ref.startsWith(note)
      ? ref.slice(note.length)
      : '';
  const start = /^([0-9a-z]{6,7})-[0-9a-f]{8}\/[a-z]$/.exec(below)?.[1];
  return start === undefined ? Number.POSITIVE_INFINITY : Number.parseInt(start, 36);
}
