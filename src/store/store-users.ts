import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import * as z from 'zod';
import type { Store } from './store.ts';
import { badNote } from './sweep.ts';

/** Who has put something into a store, lately: a run by which a ledger can tell that it is its own. */
export interface StoreUser {
  /** Where its ledger is, as it calls it; for people. */
  readonly repository: string;
  /** The prefix of its refs. */
  readonly prefix: string;
  /** A runner's name, or what else it was. */
  readonly by: string;
  readonly run: string;
  /** Of the run. */
  readonly commit: string;
}

const text = z.string().max(4_000);
const schema = z.strictObject({
  format: z.literal(1),
  repository: text,
  prefix: text,
  by: text,
  run: text,
  commit: text,
});

const start = 'user-';

/**
 * Says that something of this run is in the store. A user has up to 256 notes, each for a part of his runs, of which it
 * has the one noted last. One alone would lose a run as soon as an older one is noted again, and an old copy of the
 * repository, which has only that one, would take itself for all of it.
 * @param host where the user is: a path is another repository on another machine
 */
export async function noteUser(
  { notes }: Pick<Store, 'notes'>,
  user: StoreUser,
  host: string = hostname(),
): Promise<void> {
  const { repository, prefix, by, run, commit } = user;
  const key = hashOf(repository, prefix, by, host).slice(0, 24);
  const part = hashOf(run, commit).slice(0, 2);
  await notes.write(`${start}${key}-${part}`, `${JSON.stringify({ format: 1, ...user })}\n`);
}

function hashOf(...words: string[]): string {
  return createHash('sha256').update(words.join('\0')).digest('hex');
}

/** What the names of one user's notes have in common. */
export function ownerOf(note: string): string {
  return /^user-[0-9a-f]{24}(?=-[0-9a-f]{2}$)/.exec(note)?.[0] ?? note;
}

/** The names of one user's notes as a shell understands them: `user-ab…-{01,f0}`. */
export function namesInOne(notes: readonly string[]): string {
  const [first = ''] = notes;
  if (notes.length < 2) return first;
  return `${ownerOf(first)}-{${notes.map((note) => note.slice(-2)).join(',')}}`;
}

/** All users, by the names of their notes. @throws DstackError `bad-store-note` */
export async function readUsers(store: Pick<Store, 'notes' | 'location'>): Promise<Map<string, StoreUser>> {
  const users = new Map<string, StoreUser>();
  for (const [name, content] of await store.notes.read(start)) {
    try {
      const { format, ...user } = schema.parse(JSON.parse(content));
      users.set(name, user);
    } catch (cause) {
      throw badNote(store, name, cause);
    }
  }
  return users;
}

/**
 * A store that says of whom it has something, before it gets that.
 * @param note says it; called before each put, so it should know what it has said
 */
export function sayingOfWhom(store: Store, note: () => Promise<void>): Store {
  return {
    ...store,
    async putFile(path, sha256) {
      await note();
      await store.putFile(path, sha256);
    },
    async putBytes(bytes) {
      await note();
      return store.putBytes(bytes);
    },
  };
}
