import { randomBytes } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { DstackError } from '../errors.ts';
import { fetchRefs } from '../git/fetch.ts';
import { type Greeting, greet } from '../git/probe-remote.ts';
import { lacksAtomic } from '../git/push.ts';
import type { Repository } from '../git/repository.ts';
import type { TransferFailure } from '../git/transfer-failure.ts';
import { type Answer, openProbeRefs, type ProbeRefs, type ProbeRefsOptions } from './probe-refs.ts';
import { branchPrefix, defaultPrefix, refNames } from './refs.ts';

/** A prefix that a host doesn't take: its refs, or the notes that belong to it, which lie elsewhere. */
export interface RefusedPrefix {
  readonly prefix: string;
  readonly what: 'refs' | 'notes';
  readonly words: string | null;
}

/** What a Git host does and doesn't. */
export interface HostFacts {
  /** Null: it doesn't answer, or not to us; `failure` says why. */
  readonly greeting: Greeting | null;
  readonly failure: TransferFailure | null;
  readonly refused: readonly RefusedPrefix[];
  /** Where refs can be created; what follows was tried there. Null: nowhere. */
  readonly prefix: string | null;
  /** Put commits on top of what is there. */
  readonly append: Answer;
  /** Refuse to create a ref that was created meanwhile. */
  readonly createOnly: Answer;
  /** Refuse to change a ref that was changed meanwhile. */
  readonly swap: Answer;
  /** Replace a commit by one that is not built on it. */
  readonly rewind: Answer;
  readonly delete: Answer;
  /** Change several refs, all or none. */
  readonly atomic: Answer;
  /** Hand out a commit that no ref points at. */
  readonly byId: Answer;
  /** Pushes that were tried, by their size; one that is refused is the last. */
  readonly sizes: readonly (Answer & { readonly megabytes: number })[];
  /** Scratch refs that could not be removed again, or may not have been. */
  readonly left: readonly string[];
}

export interface ProbeOptions {
  /** A Git remote's name in the repositories below, a URL or a path. */
  readonly remote: string;
  /** Makes an empty bare repository that knows this remote; who calls removes it. */
  readonly makeRepository: (objectFormat: 'sha1' | 'sha256') => Promise<Repository>;
  /** Where refs would lie; if it isn't taken, others are tried. */
  readonly refPrefix: string;
  /** The largest push to try; null: a small one, if what it leaves can be deleted. */
  readonly megabytes: number | null;
  readonly who: ProbeRefsOptions['who'];
  readonly signal?: AbortSignal | undefined;
  /** Told what is tried next. */
  readonly progress?: (what: string) => void;
}

/** For hosts that take `refs/dstack` but not the notes beside it. */
const prefixWithOwnNotes = `${defaultPrefix}-shared`;

const unknown: Answer = { can: null, words: null };
const nothingKnown: HostFacts = {
  greeting: null,
  failure: null,
  refused: [],
  prefix: null,
  append: unknown,
  createOnly: unknown,
  swap: unknown,
  rewind: unknown,
  delete: unknown,
  atomic: unknown,
  byId: unknown,
  sizes: [],
  left: [],
};

/**
 * Finds out what a Git host allows, by trying it with scratch refs under `PREFIX/probe/`. They are removed again,
 * interrupted or not, and so are those that somebody who was killed has left. No other ref is touched.
 * @throws DstackError `interrupted`; `unreachable` and the like if it falls silent in the middle
 */
export async function probeHost(options: ProbeOptions): Promise<HostFacts> {
  const { makeRepository, remote, who } = options;
  // A push to a folder on this machine is short, and would leave its locks if it were ended.
  const signal = isAbsolute(remote) ? undefined : options.signal;
  const next = (what: string) => {
    if (options.signal?.aborted) throw new DstackError('interrupted', 'interrupted', { exitCode: 130 });
    options.progress?.(what);
  };

  next('how it answers');
  const first = await greet(await makeRepository('sha1'), remote, signal);
  if ('failure' in first) return { ...nothingKnown, failure: first.failure };
  const { greeting } = first;
  const local = await makeRepository(greeting.objectFormat);
  const refs = openProbeRefs({ local, remote, who, signal });
  try {
    const start = await refs.commit();
    const { prefix, refused } = await findPrefix(refs, options.refPrefix, start, next);
    const found = { ...nothingKnown, greeting, prefix, refused };
    if (prefix === null) return { ...found, left: await refs.cleanUp() };
    const fresh = await makeRepository(greeting.objectFormat);
    const getById = async (id: string): Promise<Answer> => {
      const failure = await fetchRefs(fresh, remote, [id], signal ? { signal } : {});
      return { can: failure === null, words: failure?.words ?? null };
    };
    const answers = await tryOut(refs, prefix, start, { ...options, getById, next });
    next('removing the scratch refs');
    return { ...found, ...answers, left: await refs.cleanUp() };
  } catch (error) {
    const left = await refs.cleanUp();
    if (left.length === 0 || !(error instanceof DstackError)) throw error;
    const { code, message, exitCode, cause } = error;
    const hint = `these refs may be left there, and mean nothing: ${left.join(' ')}`;
    throw new DstackError(code, message, { hint, exitCode, cause });
  }
}

/** Are these the words of the ledger's own guard? */
export function isOfGuard(words: string | null): boolean {
  return words !== null && /\bdstack: refs\//.test(words);
}

/** The first prefix that is taken, with its notes, and those that are not. */
async function findPrefix(
  refs: ProbeRefs,
  wanted: string,
  start: string,
  next: (what: string) => void,
): Promise<{ prefix: string | null; refused: RefusedPrefix[] }> {
  const refused: RefusedPrefix[] = [];
  const untried = [...new Set([wanted, defaultPrefix, branchPrefix])];
  for (let prefix = untried.shift(); prefix !== undefined; prefix = untried.shift()) {
    const names = refNames(prefix);
    next(`refs under ${prefix}`);
    const taken = await refs.apply({ ref: names.probe(refs.id, 'a'), from: null, to: start });
    if (!taken.can) {
      refused.push({ prefix, what: 'refs', words: taken.words });
      // Another prefix would lead around it, to a ledger that nobody else sees.
      if (isOfGuard(taken.words)) break;
      continue;
    }
    await refs.sweep(names);
    // Below the prefix they are like all its other refs.
    if (names.notes.startsWith(`${prefix}/`)) return { prefix, refused };
    next(`notes under ${names.notes}`);
    const note = names.note({ run: `probe-${refs.id}`, job: 'a' });
    const noted = await refs.apply({ ref: note, from: null, to: start });
    if (noted.can) return { prefix, refused };
    refused.push({ prefix, what: 'notes', words: noted.words });
    untried.unshift(prefixWithOwnNotes);
  }
  return { prefix: null, refused };
}

type Answers = Pick<
  HostFacts,
  'append' | 'createOnly' | 'swap' | 'rewind' | 'delete' | 'atomic' | 'byId' | 'sizes'
>;

/** Few refs are created, since on some hosts they stay. */
async function tryOut(
  refs: ProbeRefs,
  prefix: string,
  start: string,
  options: {
    megabytes: number | null;
    getById: (id: string) => Promise<Answer>;
    next: (what: string) => void;
  },
): Promise<Answers> {
  const { next } = options;
  const { probe } = refNames(prefix);
  const [main, other, third] = [probe(refs.id, 'a'), probe(refs.id, 'b'), probe(refs.id, 'c')];
  const tipOf = async (ref: string) => (await refs.tips([ref])).get(ref) ?? null;

  next('a commit on top of another');
  const second = await refs.commit(start);
  const append = await refs.apply({ ref: main, from: start, to: second });

  next('two who change and create the same refs at once');
  const guarded = await tryGuards(refs, main, other, await tipOf(main));

  next('deleting a ref');
  const gone = await tryDelete(refs, other, await tipOf(other), start);

  next('several refs at once, all or nothing');
  const atomic = await tryAtomic(refs, main, third, await tipOf(main));

  next('a commit by its id');
  const byId = append.can ? await options.getById(second) : unknown;

  const sizes: (Answer & { megabytes: number })[] = [];
  for (const megabytes of sizesUpTo(options.megabytes ?? (gone.can ? 1 : 0))) {
    next(`a push of ${megabytes} MB`);
    const from = await tipOf(main);
    const to = await refs.commit(from, randomBytes(megabytes * 2 ** 20));
    sizes.push({ megabytes, ...(await refs.apply({ ref: main, from, to })) });
    if (!sizes.at(-1)?.can) break;
  }

  next('a commit in place of another');
  const rewind = await refs.apply({ ref: main, from: await tipOf(main), to: await refs.commit() });
  return { append, ...guarded, atomic, byId, sizes, rewind, delete: gone };
}

function sizesUpTo(megabytes: number): number[] {
  return megabytes === 0 ? [] : [...[1, 10, 100].filter((size) => size < megabytes), megabytes];
}

/** Does the host itself check what a push expects, when another one comes in between? */
async function tryGuards(
  refs: ProbeRefs,
  changed: string,
  created: string,
  from: string | null,
): Promise<Pick<HostFacts, 'swap' | 'createOnly'>> {
  const [late, early] = [await refs.commit(from), await refs.commit(from)];
  const both = (to: string) => [
    { ref: changed, from, to },
    { ref: created, from: null, to },
  ];
  const { overtaken, words } = await refs.race(both(late), both(early), { atomic: false });
  const tips = await refs.tips([changed, created]);
  const answer = (ref: string): Answer => {
    const known = overtaken && [late, early].includes(tips.get(ref) ?? '');
    return known ? { can: tips.get(ref) === early, words: null } : { can: null, words };
  };
  return { swap: answer(changed), createOnly: answer(created) };
}

async function tryDelete(refs: ProbeRefs, ref: string, tip: string | null, start: string): Promise<Answer> {
  const there = tip !== null || (await refs.apply({ ref, from: null, to: start })).can;
  return there ? refs.apply({ ref, from: tip ?? start, to: null }) : unknown;
}

/** Of an atomic push that could be applied in part, is nothing applied? */
async function tryAtomic(
  refs: ProbeRefs,
  changed: string,
  created: string,
  from: string | null,
): Promise<Answer> {
  const [late, early] = [await refs.commit(from), await refs.commit(from)];
  const { overtaken, words } = await refs.race(
    [
      { ref: changed, from, to: late },
      { ref: created, from: null, to: late },
    ],
    [{ ref: changed, from, to: early }],
    { atomic: true },
  );
  if (words !== null && lacksAtomic(words)) return { can: false, words };
  if (!overtaken) return { can: null, words };
  const tips = await refs.tips([changed, created]);
  const none = tips.get(changed) === early && !tips.has(created);
  return none ? { can: true, words: null } : { can: false, words };
}
