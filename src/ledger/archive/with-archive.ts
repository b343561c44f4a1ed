import type { ParsedRef, RefNames } from '../refs.ts';
import type { SharedRepository } from '../shared-repository.ts';
import type { ArchivedRun } from './archived-run.ts';
import { type ArchiveTips, archiveTips, openArchive } from './read-archive.ts';

/**
 * A shared repository in which a run that was archived is found by its name as if its refs were still there: when its
 * refs, those of its jobs, or a key of the cache are listed one by one, and when one is to be created. Whole areas
 * have what is not archived.
 */
export function withArchive(inner: SharedRepository, names: RefNames): SharedRepository {
  const archive = openArchive(inner, names);

  /** Refs of archived runs, and of results that they have, at or below these prefixes. */
  const archivedRefs = async (
    tips: ArchiveTips,
    { runs, keys }: Wanted,
    prefixes: readonly string[],
  ): Promise<Map<string, string>> => {
    const refs = new Map<string, string>();
    if (tips.size === 0) return refs;
    for (const run of runs) {
      const archived = await archive.find(tips, run);
      if (archived === null) continue;
      for (const [ref, commit] of refsOf(names, archived)) {
        if (prefixes.some((prefix) => isAt(ref, prefix))) refs.set(ref, commit);
      }
    }
    for (const key of keys) {
      const found = await archive.findKey(tips, key);
      if (found) refs.set(names.cache(key), found.commit);
    }
    return refs;
  };

  const list: SharedRepository['list'] = async (prefixes, { archived = true, ...options } = {}) => {
    const wanted = wantedOf(names, archived ? prefixes : []);
    if (wanted.runs.size + wanted.keys.size === 0) return inner.list(prefixes, options);
    const all = await inner.list([...prefixes, names.archive('index')], options);
    const found = new Map([...all].filter(([ref]) => prefixes.some((prefix) => isAt(ref, prefix))));
    const tips = archiveTips(names, all);
    let more = await archivedRefs(tips, wanted, prefixes);
    const unseen = { runs: unseenOf(names, wanted, [...found.keys(), ...more.keys()]), keys: [] };
    if (unseen.runs.size > 0 && archived !== 'as-listed') {
      // What leaves its refs has come into the archive before: it may have, between the two.
      const later = await archive.tips();
      const isNew = [...later.values()].join() !== [...tips.values()].join();
      if (isNew) more = new Map([...more, ...(await archivedRefs(later, unseen, prefixes))]);
    }
    const absent = [...more].filter(([ref]) => !found.has(ref));
    if (absent.length === 0) return found;
    await inner.obtain([...new Set(absent.map(([, commit]) => commit))]);
    return new Map([...found, ...absent]);
  };

  return {
    ...inner,
    list,
    async tips(refs) {
      const found = await inner.tips(refs);
      const missing = refs.filter((ref) => !found.has(ref));
      const wanted = wantedOf(names, missing);
      if (wanted.runs.size + wanted.keys.size === 0) return found;
      return new Map([...(await archivedRefs(await archive.tips(), wanted, missing)), ...found]);
    },
    async push(updates, options) {
      const created = updates.flatMap(({ ref, from, to }) => {
        const parsed = from === null && to !== null ? names.parse(ref) : null;
        return parsed?.area === 'runs' ? [parsed.run] : [];
      });
      if (created.length > 0) {
        const tips = await archive.tips();
        for (const run of created) {
          if ((await archive.find(tips, run)) === null) continue;
          const words = `there is a run ${run} in the archive`;
          return { ok: false, failure: { code: 'failed', words, hint: undefined } };
        }
      }
      return inner.push(updates, options);
    },
  };
}

/** The refs that a run would have if it had not been archived. */
function refsOf(names: RefNames, { run, keeper }: ArchivedRun): [ref: string, commit: string][] {
  return [
    [names.run(run.name), run.commit],
    ...run.jobs.flatMap(({ name, commit }): [string, string][] => {
      const id = { run: run.name, job: name };
      return commit === null
        ? []
        : [
            [names.job('jobs', id), commit],
            [names.note(id), keeper],
          ];
    }),
  ];
}

interface Wanted {
  readonly runs: Iterable<string>;
  readonly keys: Iterable<string>;
}

/** The runs, and the keys of the cache, that are asked for by name. */
function wantedOf(names: RefNames, prefixes: readonly string[]): { runs: Set<string>; keys: Set<string> } {
  const parsed = prefixes.map((prefix) => parsePrefix(names, prefix));
  const runs = parsed.flatMap((one) => (one?.area === 'runs' || one?.area === 'jobs' ? [one.run] : []));
  const keys = parsed.flatMap((one) => (one?.area === 'cache' ? [one.name] : []));
  return { runs: new Set(runs), keys: new Set(keys) };
}

/** Those of which neither a ref of their own, nor of what waits, was found, nor an outcome. */
function unseenOf(names: RefNames, { runs }: Wanted, refs: readonly string[]): Set<string> {
  const unseen = new Set(runs);
  for (const ref of refs) {
    const parsed = names.parse(ref);
    if (parsed?.area === 'runs' || parsed?.area === 'queue' || parsed?.area === 'jobs')
      unseen.delete(parsed.run);
  }
  return unseen;
}

function isAt(ref: string, prefix: string): boolean {
  return `${ref}/`.startsWith(`${prefix.replace(/\/$/, '')}/`);
}

/** A ref, or the folder of one run's jobs, as one of them; null: it is neither. */
function parsePrefix(names: RefNames, prefix: string): ParsedRef | null {
  const own = prefix.startsWith(`${names.notes}/`)
    ? `${names.area('jobs')}${prefix.slice(names.notes.length)}`
    : prefix;
  const folder = names.parse(`${own}/any`);
  return names.parse(own) ?? (folder?.area === 'jobs' ? folder : null);
}
