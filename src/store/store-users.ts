import { createHash } from 'node:crypto';
import { z } from 'zod';
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

/** Says that something of this run is in the store, in place of what the same user has said before. */
export async function noteUser({ notes }: Pick<Store, 'notes'>, user: StoreUser): Promise<void> {
  const { repository, prefix, by } = user;
  const key = createHash('sha256').update([repository, prefix, by].join('\0')).digest('hex').slice(0, 24);
  await notes.write(start + key, `${JSON.stringify({ format: 1, ...user })}\n`);
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
