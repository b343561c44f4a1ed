import { DstackError } from '../../errors.ts';
import { openObjectReader, type ParsedCommit, parseCommit, parseTree } from '../../git/object-reader.ts';
import { openSizeReader } from '../../git/object-sizes.ts';
import { listRefs } from '../../git/refs.ts';
import { isObjectId } from '../../git/repository.ts';
import { mostLooks, mostRead } from './limits.ts';

export interface Commit extends ParsedCommit {
  readonly id: string;
}

/** An entry of a tree as it is judged here: a plain file, a folder, or anything else. */
export interface Entry {
  readonly kind: 'file' | 'folder' | 'other';
  readonly id: string;
}

/** What a push brings and what is there already, none of it larger than who asks can bear. */
export interface PushedObjects {
  /** Null if there is none. @throws `refused-by-guard` */
  commit(id: string): Promise<Commit | null>;
  /** What a ref below the prefix points at. */
  tip(ref: string): Promise<string | null>;
  /** All refs below the prefix, with what they point at. */
  tips(): Promise<ReadonlyMap<string, string>>;
  /** Name → entry. @throws `refused-by-guard` */
  tree(id: string): Promise<Map<string, Entry>>;
  /** A file of a commit; null if there is none. @param most bytes. @throws `refused-by-guard` */
  file(commit: string, path: string, most: number): Promise<{ id: string; content: Buffer } | null>;
  /** @param most bytes. @throws `refused-by-guard` */
  blob(id: string, most: number, what: string): Promise<Buffer>;
  /** Checks that it is a blob of at most so many bytes, without reading it. @throws `refused-by-guard` */
  bounded(id: string, most: number, what: string): Promise<void>;
  /** Was this object there before the push? */
  wasThere(id: string): Promise<boolean>;
  close(): void;
}

/** Of a commit: a run of ten thousand jobs lists every one of them in its message. */
const mostOfCommit = 8 << 20;
/** Of a tree among those that only dstack writes. */
const mostOfTree = 1 << 20;

/** Sizes that are kept in mind. */
const mostKnown = 50_000;

/** Ends a check: the push is refused with these words. */
export function refuse(words: string, hint?: string): never {
  throw new DstackError('refused-by-guard', words, { hint });
}

/**
 * @param prefix of all refs that are asked for
 * @param env where Git keeps what was pushed until the hook has had its say
 */
export function openPushedObjects(
  gitDir: string,
  prefix: string,
  env: Record<string, string>,
): PushedObjects {
  // A ref can say that one object be shown in the place of another: what is judged must be what is there.
  const asIs = { GIT_NO_REPLACE_OBJECTS: '1' };
  const reader = openObjectReader(gitDir, { ...env, ...asIs });
  const sizes = openSizeReader(gitDir, { ...env, ...asIs });
  const before = openSizeReader(gitDir, asIs);
  // Only a list has names as they are: of a ref that isn't there `git cat-file` would take the branch that is called so.
  let listed: Promise<Map<string, string>> | null = null;
  const tips = () => {
    listed ??= listRefs(gitDir, [prefix]);
    return listed;
  };

  let [looks, bytes] = [0, 0];
  const spend = (size: number) => {
    looks += 1;
    bytes += size;
    if (looks > mostLooks || bytes > mostRead)
      refuse('judging this push takes too much: push less at a time');
  };
  // What is named again and again costs nothing but the counting.
  const known = new Map<string, ReturnType<typeof sizes.look>>();
  const look = (id: string) => {
    const found = known.get(id) ?? sizes.look(id);
    if (known.size < mostKnown) known.set(id, found);
    return found;
  };
  const checked = async (name: string, type: string, most: number, what: string) => {
    spend(0);
    const found = await look(name);
    if (found === null) return null;
    if (found.type !== type) refuse(`${what} is a ${found.type}, not a ${type}`);
    if (found.size > most) refuse(`${what} has ${found.size} bytes, and may have ${most}`);
    return found;
  };
  const read = async (name: string, type: string, most: number, what: string) => {
    const found = await checked(name, type, most, what);
    if (found) spend(found.size);
    return found && (await reader.read(found.id));
  };
  return {
    tips,
    tip: async (ref) => (await tips()).get(ref) ?? null,
    async commit(id) {
      if (!isObjectId(id)) return null;
      const object = await read(id, 'commit', mostOfCommit, 'what it points at');
      return object && { ...parseCommit(object.content), id: object.id };
    },
    async tree(id) {
      const object = await read(id, 'tree', mostOfTree, 'a tree of it');
      if (!object) refuse('a tree of it is missing');
      const entries = new Map<string, Entry>();
      for (const { mode, name, id: entry } of parseTree(object.content, id.length / 2)) {
        if (entries.has(name)) refuse(`a tree of it has ${JSON.stringify(name)} twice`);
        const kind = mode === '100644' ? 'file' : mode === '40000' ? 'folder' : 'other';
        entries.set(name, { kind, id: entry });
      }
      return entries;
    },
    file: async (commit, path, most) =>
      isObjectId(commit) ? read(`${commit}:${path}`, 'blob', most, `its ${path}`) : null,
    async blob(id, most, what) {
      const object = await read(id, 'blob', most, what);
      return object ? object.content : refuse(`${what} is missing`);
    },
    async bounded(id, most, what) {
      if (!(await checked(id, 'blob', most, what))) refuse(`${what} is missing`);
    },
    wasThere: async (id) => (await before.look(id)) !== null,
    close() {
      for (const process of [reader, sizes, before]) process.close();
    },
  };
}

/**
 * The top of a commit's tree, which may have these names and no others.
 * @param folders those of them that are folders
 * @throws `refused-by-guard`
 */
export async function entriesOf(
  objects: PushedObjects,
  commit: Commit,
  {
    needs,
    may = [],
    folders = [],
  }: { needs: readonly string[]; may?: readonly string[]; folders?: readonly string[] },
): Promise<Map<string, Entry>> {
  const entries = await objects.tree(commit.tree);
  const missing = needs.find((name) => !entries.has(name));
  if (missing !== undefined) refuse(`it has no ${missing}`);
  for (const [name, { kind }] of entries) {
    if (!needs.includes(name) && !may.includes(name))
      refuse(`it has ${JSON.stringify(name.slice(0, 80))}, which nothing reads`);
    if (kind !== (folders.includes(name) ? 'folder' : 'file'))
      refuse(`its ${name} is no plain ${folders.includes(name) ? 'folder' : 'file'}`);
  }
  return entries;
}
