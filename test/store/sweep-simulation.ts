import { DstackError } from '../../src/errors.ts';
import type { RetiredBlob, Store, StoredBlob } from '../../src/store/store.ts';
import { emptyRetired, retireUnused } from '../../src/store/sweep.ts';

/** Thrown in whoever was killed, at whatever he does next. */
class Killed extends Error {}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a simulation may do wrong, to see that it is found. */
export interface Mistakes {
  /** Who sweeps waits for nobody. */
  readonly waitsForNobody?: boolean;
  /** Who sweeps does not look again what is needed. */
  readonly looksOnce?: boolean;
  /** What is retired counts as there. */
  readonly retiredIsThere?: boolean;
  /** Who sweeps does not think of another who is in the middle of moving a blob. */
  readonly seesNoMove?: boolean;
}

/**
 * Uploads and sweeps that run at the same time, each of their steps in an order that a seed determines, and some of
 * them killed between two steps. Every blob is old enough to go at any time, so that nothing but the protocol protects it.
 * @returns what was wrong; null: nothing
 */
export async function simulateSweeps(seed: number, mistakes: Mistakes = {}): Promise<string | null> {
  const draw = random(seed);
  const pick = (count: number) => Math.floor(draw() * count);
  const renames = draw() < 0.5;

  // The world.
  const main = new Set<string>();
  const retired = new Map<string, RetiredBlob>();
  const notes = new Map<string, string>();
  const leases = new Set<string>();
  const needed = new Set<string>();
  let wrong: string | null = null;
  const check = () => {
    const isAway = (sha256: string) =>
      !main.has(sha256) && ![...retired.values()].some((blob) => blob.sha256 === sha256);
    for (const sha256 of needed) if (isAway(sha256)) wrong ??= `${sha256} is needed, and gone`;
  };

  /** Milliseconds: each step takes some seconds, so that who stands still in the middle of a move has to notice it. */
  let time = 0;

  // Whose turn it is.
  const turns: { isSlow: boolean; go(): void; kill(): void }[] = [];
  const turn = (isSlow = false) =>
    new Promise<void>((go, fail) => {
      turns.push({ isSlow, go, kill: () => fail(new Killed()) });
    });

  function openStore(): Store {
    const step = async <T>(act: () => T): Promise<T> => {
      await turn();
      time += 10_000;
      const result = act();
      check();
      return result;
    };
    const key = ({ sha256, batch }: Pick<RetiredBlob, 'sha256' | 'batch'>) => `${batch}/${sha256}`;
    const add = (blob: RetiredBlob) => retired.set(key(blob), blob);
    /** In a folder at once, in a bucket first there and then not here any more. */
    const move = async (isHere: () => boolean, put: () => void, remove: () => void): Promise<boolean> => {
      const copy = () => {
        if (isHere()) put();
        return isHere();
      };
      if (!renames) {
        const began = time;
        if (!(await step(copy))) return false;
        await turn(true);
        if (time - began > 5 * 60_000) return false;
        remove();
        check();
        return true;
      }
      return step(() => {
        const isMoved = copy();
        if (isMoved) remove();
        return isMoved;
      });
    };
    const isThere = (sha256: string) =>
      main.has(sha256) ||
      (mistakes.retiredIsThere === true && [...retired.values()].some((blob) => blob.sha256 === sha256));
    const store: Pick<
      Store,
      'location' | 'has' | 'putBytes' | 'list' | 'retired' | 'notes' | 'now' | 'removeRemains' | 'staleFor'
    > = {
      location: 'a model',
      has: (sha256) => step(() => isThere(sha256)),
      putBytes: (bytes) =>
        step(() => {
          const sha256 = Buffer.from(bytes).toString();
          main.add(sha256);
          return { sha256, size: 1 };
        }),
      async *list(): AsyncGenerator<StoredBlob> {
        for (const sha256 of await step(() => [...main])) yield { sha256, size: 1, modified: new Date(0) };
      },
      retired: {
        isAtomic: renames || mistakes.seesNoMove === true,
        add: (sha256, batch) =>
          move(
            () => main.has(sha256),
            () => add({ sha256, size: 1, batch }),
            () => main.delete(sha256),
          ),
        async *list() {
          for (const blob of await step(() => [...retired.values()])) yield { ...blob };
        },
        async restore(blob) {
          if (await step(() => main.has(blob.sha256)))
            return void (await step(() => retired.delete(key(blob))));
          const put = () => main.add(blob.sha256);
          await move(
            () => retired.has(key(blob)),
            put,
            () => retired.delete(key(blob)),
          );
        },
        remove: (blob) => step(() => void retired.delete(key(blob))),
      },
      notes: {
        write: (name, text) => step(() => void notes.set(name, text)),
        read: (start) => step(() => new Map([...notes].filter(([name]) => name.startsWith(start)))),
        remove: (name) => step(() => void notes.delete(name)),
      },
      now: () => step(() => new Date(time)),
      removeRemains: async () => {},
      staleFor: async () => 0,
    };
    return store as Store;
  }

  async function upload(actor: string): Promise<void> {
    const store = openStore();
    const blobs = ['a', 'b', 'c', 'd'].filter(() => draw() < 0.5);
    await turn();
    leases.add(actor);
    for (const blob of blobs) if (!(await store.has(blob, 1))) await store.putBytes(Buffer.from(blob));
    await turn();
    // Whoever lost his lease meanwhile fails here; otherwise the end of one is the beginning of the other.
    if (leases.delete(actor) && draw() < 0.6) for (const blob of blobs) needed.add(blob);
    check();
  }

  async function sweep(actor: string): Promise<void> {
    const store = openStore();
    const kept = new Set<string>();
    const look = async () => {
      await turn();
      for (const sha256 of needed) kept.add(sha256);
      return kept;
    };
    const uploads = async () => {
      await turn();
      return new Set(mistakes.waitsForNobody ? [] : leases);
    };
    await look();
    await retireUnused(store, kept, new Date(1), actor);
    await emptyRetired(store, actor, uploads, mistakes.looksOnce ? async () => kept : look);
  }

  // One after the other comes, some at the same time.
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  const start = (name: string, act: (actor: string) => Promise<void>) => {
    const ended = act(name)
      .catch((error: unknown) => {
        if (!(error instanceof Killed)) failures.push(error);
      })
      .finally(() => running.delete(name));
    running.set(name, ended);
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  for (let at = 0; at < 8; at += 1) main.add(['a', 'b', 'c', 'd'][pick(4)] as string);
  let coming = 12;
  while (coming > 0 || running.size > 0) {
    if (coming > 0 && (running.size < 4 || draw() < 0.1)) {
      coming -= 1;
      if (draw() < 0.55) start(`u${coming}`, upload);
      else start(`p${coming}`, sweep);
    }
    await settled();
    const [next] = turns.splice(pick(turns.length), 1);
    if (!next) continue;
    if (next.isSlow && draw() < 0.8) {
      turns.push(next);
      continue;
    }
    if (draw() < 0.015) next.kill();
    else next.go();
    await settled();
    // A lease whose owner is dead, or only slow, is taken over one day.
    for (const lease of leases) if (draw() < (running.has(lease) ? 0.002 : 0.05)) leases.delete(lease);
  }
  if (failures[0]) throw failures[0] instanceof DstackError ? failures[0] : failures[0];

  // In the end, with nobody else there, a sweep puts all in order, and a later one what was found in the middle of a move.
  leases.clear();
  for (const last of ['x', 'y']) {
    time += 3_600_000;
    start(last, sweep);
    while (running.size > 0) {
      await settled();
      turns.shift()?.go();
    }
    await settled();
  }
  if (failures[0]) throw failures[0];
  for (const sha256 of needed)
    if (!main.has(sha256)) wrong ??= `${sha256} is needed, and not back in its place`;
  for (const sha256 of main) if (!needed.has(sha256)) wrong ??= `${sha256} is left, and nothing needs it`;
  if (retired.size > 0) wrong ??= `${[...retired.keys()]} are left among the retired`;
  if (notes.size > 0) wrong ??= `${[...notes.keys()]} are left of the notes`;
  return wrong;
}
