import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { mapLimited } from './map-limited.ts';
import type { RetiredBlob, Store, StoredBlob } from './store.ts';

/** How old a blob must be that nothing needs, in milliseconds: it may be of an upload that is under way. */
export const graceMs = 24 * 3_600_000;

/** Blobs, and their bytes together. */
export interface Amount {
  blobs: number;
  bytes: number;
}

/** What became of the blobs that were retired. */
export interface Swept {
  /** Removed for good. */
  readonly freed: Amount;
  /** Needed after all. */
  readonly restored: Amount;
  /** To be removed once these have ended, who may have relied on them. */
  readonly waiting: Amount & { for: string[] };
}

const noteSchema = z.strictObject({
  format: z.literal(1),
  batch: z.string(),
  /** Null: all of the batch, which is complete. Otherwise these of it, which somebody else has found unfinished. */
  blobs: z.array(z.string()).nullable(),
  /** Who may have been uploading once these had gone from their place; null: they may have been on their way. */
  uploads: z.array(z.string()).nullable(),
  /** By the store's clock, in milliseconds since 1970. */
  at: z.number(),
});

type Note = z.infer<typeof noteSchema> & { readonly name: string };

const noteStart = 'batch-';
/** So many are held in memory, and moved at once a few of them. */
const window = 1_000;
/** In one note. */
const mostBlobs = 100_000;
/** Longer than anybody takes who retires a single blob, in milliseconds: in a bucket that is two steps. */
const longestMove = 10 * 60_000;

/** The blobs that nothing keeps, of those that were put in before this moment. */
export async function* unusedBlobs(
  store: Pick<Store, 'list'>,
  kept: ReadonlySet<string>,
  before: Date,
): AsyncGenerator<StoredBlob> {
  for await (const blob of store.list()) {
    if (!kept.has(blob.sha256) && blob.modified.getTime() < before.getTime()) yield blob;
  }
}

/**
 * Moves blobs that nothing keeps among the retired ones, from where {@link emptyRetired} removes them. What never became
 * a blob, and is as old, goes at once.
 * @param batch a new name
 * @returns what was moved
 */
export async function retireUnused(
  store: Store,
  kept: ReadonlySet<string>,
  before: Date,
  batch: string,
): Promise<Amount> {
  const retired = { blobs: 0, bytes: 0 };
  await inWindows(unusedBlobs(store, kept, before), async (blob) => {
    if (await store.retired.add(blob.sha256, batch)) addBlob(retired, blob.size);
  });
  await store.removeRemains(before);
  return retired;
}

/**
 * Removes retired blobs for good as soon as nobody can rely on them any more. Who uploads looks whether a blob is there,
 * and only later says in the ledger that he needs it. So a blob goes only once everybody has ended who may have been
 * uploading when it had been retired, and if what is needed then does not include it; whoever began later has found it
 * absent. May be cut off anywhere and done again, also by several at a time.
 * @param batch this call's own, which is complete
 * @param uploads who may be uploading now
 * @param needed what is needed now; called after that
 */
export async function emptyRetired(
  store: Store,
  batch: string,
  uploads: () => Promise<ReadonlySet<string>>,
  needed: () => Promise<ReadonlySet<string>>,
): Promise<Swept> {
  // In this order: what a note says of a batch is true of all that is found in it.
  const notes = await readNotes(store);
  const blobs: RetiredBlob[] = [];
  for await (const blob of store.retired.list()) blobs.push(blob);
  const swept: Swept = {
    freed: { blobs: 0, bytes: 0 },
    restored: { blobs: 0, bytes: 0 },
    waiting: { blobs: 0, bytes: 0, for: [] },
  };
  const isOwn = (blob: RetiredBlob) => blob.batch === batch;
  const known = aboutBlobs(notes);
  const at = (await store.now()).getTime();
  const left = blobs.filter(
    (blob) => !isOwn(blob) && known(blob).every(({ uploads: before }) => before === null),
  );
  // Whoever has left them may be about to take them from their place, or what others have put there meanwhile.
  const isOld = (note: Note) => note.at + longestMove < at;
  const unfinished = new Set(store.retired.isAtomic ? [] : left.filter((blob) => !known(blob).some(isOld)));
  const doubled = new Set<RetiredBlob>();
  const over = left.filter((blob) => !unfinished.has(blob));
  await inWindows(over, async (blob) => {
    if (await store.has(blob.sha256, blob.size)) doubled.add(blob);
  });
  // Where names are cached, others may believe for a while that a blob is where it was.
  const delay = over.length > 0 || blobs.some(isOwn) ? await store.staleFor() : 0;
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));

  const now = await uploads();
  const own = blobs.some(isOwn) ? [noteOf(batch, null, now, at)] : [];
  const kept = blobs.length > 0 ? await needed() : new Set<string>();
  // Not before: where that refuses, because there are uploads of which it does not know, the note would lack them.
  await writeNotes(store, own);

  const adopted = over.filter((blob) => !doubled.has(blob));
  const about = aboutBlobs([...notes, ...own, ...notesOn(adopted, now, at)]);
  const waitsFor = ({ uploads: before }: Note) => before?.filter((upload) => now.has(upload)) ?? [];
  const isReady = (note: Note) => note.uploads !== null && waitsFor(note).length === 0;
  const waiting = new Set<RetiredBlob>();
  await inWindows(blobs, async (blob) => {
    // What is in its place again stays there; but it may have been set aside since, as damaged.
    if (doubled.has(blob))
      await (kept.has(blob.sha256) ? store.retired.restore(blob) : store.retired.remove(blob));
    else if (!unfinished.has(blob) && kept.has(blob.sha256)) {
      await store.retired.restore(blob);
      addBlob(swept.restored, blob.size);
    } else if (!unfinished.has(blob) && about(blob).some(isReady)) {
      await store.retired.remove(blob);
      addBlob(swept.freed, blob.size);
    } else {
      waiting.add(blob);
      if (!kept.has(blob.sha256)) addBlob(swept.waiting, blob.size);
    }
  });

  await writeNotes(store, [
    ...notesOn(
      adopted.filter((blob) => waiting.has(blob)),
      now,
      at,
    ),
    ...notesOn(
      [...unfinished].filter((blob) => known(blob).length === 0),
      null,
      at,
    ),
  ]);
  const needs = new Set([...waiting].flatMap((blob) => about(blob)));
  for (const note of [...notes, ...own]) if (!needs.has(note)) await store.notes.remove(note.name);
  swept.waiting.for.push(...new Set([...needs].flatMap(waitsFor).sort()));
  return swept;
}

function noteOf(
  batch: string,
  blobs: string[] | null,
  uploads: ReadonlySet<string> | null,
  at: number,
): Note {
  const name = noteStart + (blobs === null ? batch : randomUUID());
  return { name, format: 1, batch, blobs, uploads: uploads && [...uploads].sort(), at };
}

/** Notes on blobs that somebody else has retired, and has not come to say anything of. */
function notesOn(left: readonly RetiredBlob[], uploads: ReadonlySet<string> | null, at: number): Note[] {
  const notes: Note[] = [];
  for (const batch of new Set(left.map((blob) => blob.batch))) {
    const blobs = left.filter((blob) => blob.batch === batch).map(({ sha256 }) => sha256);
    for (let from = 0; from < blobs.length; from += mostBlobs)
      notes.push(noteOf(batch, blobs.slice(from, from + mostBlobs), uploads, at));
  }
  return notes;
}

/** @returns which of the notes are about a blob */
function aboutBlobs(notes: readonly Note[]): (blob: RetiredBlob) => Note[] {
  const about = new Map<string, Note[]>();
  const put = (key: string, note: Note) => about.set(key, [...(about.get(key) ?? []), note]);
  for (const note of notes) {
    if (note.blobs === null) put(note.batch, note);
    for (const sha256 of note.blobs ?? []) put(`${note.batch}/${sha256}`, note);
  }
  return ({ batch, sha256 }) => [...(about.get(batch) ?? []), ...(about.get(`${batch}/${sha256}`) ?? [])];
}

async function writeNotes(store: Store, notes: readonly Note[]): Promise<void> {
  for (const { name, ...content } of notes) await store.notes.write(name, `${JSON.stringify(content)}\n`);
}

/** @throws DstackError `bad-store-note` */
async function readNotes(store: Store): Promise<Note[]> {
  return [...(await store.notes.read(noteStart))].map(([name, text]) => {
    try {
      return { name, ...noteSchema.parse(JSON.parse(text)) };
    } catch (cause) {
      throw badNote(store, name, cause);
    }
  });
}

/** What to say of a note that can't be read. */
export function badNote({ location }: Pick<Store, 'location'>, name: string, cause: unknown): DstackError {
  return new DstackError('bad-store-note', `${name} of the store ${plainText(location)} can't be read`, {
    hint: 'it may be of a newer dstack; nothing is removed as long as that is so',
    cause,
  });
}

/** Counts one more. */
export function addBlob(amount: Amount, bytes: number): void {
  amount.blobs += 1;
  amount.bytes += bytes;
}

async function inWindows<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let held: T[] = [];
  for await (const item of items) {
    held.push(item);
    if (held.length < window) continue;
    await mapLimited(held, work);
    held = [];
  }
  await mapLimited(held, work);
}
