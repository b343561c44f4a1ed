import { fetchRefs, listRemoteRefs } from '../git/fetch.ts';
import { openObjectReader } from '../git/object-reader.ts';
import { listRefs, setRefs } from '../git/refs.ts';
import { archivedAmong, runsOf } from './archive/archived-among.ts';
import { openArchive } from './archive/read-archive.ts';
import { inTheWay } from './in-the-way.ts';
import type { Ledger } from './ledger.ts';
import { archivedNotes, ownNotes, type RefNames, refNames } from './refs.ts';
import { type SharedRepository, unreachable } from './shared-repository.ts';

/**
 * The names under which one's own repository has what it keeps of the shared one: never among one's branches, whatever
 * the prefix there; unless the two are the same repository.
 */
export function ownNames(ledger: Ledger): RefNames {
  return isItself(ledger) ? ledger.names : refNames();
}

function isItself({ shared }: Ledger): boolean {
  return shared.path !== null && shared.path === shared.local.commonDir;
}

/**
 * Brings the history of the shared repository into the local one, for plain Git: runs, finished jobs, tags and the logs
 * as notes; of archived ones what keeps them, in place of refs of their own.
 * @throws DstackError `notes-ref-in-the-way`, or if the shared repository can't be reached
 */
export async function fetchHistory(ledger: Ledger): Promise<void> {
  const { shared, names } = ledger;
  const { gitDir } = shared.local;
  if ((await listRefs(gitDir, [ownNotes])).has(ownNotes)) throw inTheWay('this repository', ownNotes);
  const own = ownNames(ledger);
  if (isItself(ledger)) {
    if (names.notes !== ownNotes) await copyRefs(ledger, names.notes, ownNotes);
  } else {
    const folders = [
      [names.area('runs'), own.area('runs')],
      [names.area('jobs'), own.area('jobs')],
      [names.notes, ownNotes],
    ];
    const failure = await fetchRefs(
      shared.local,
      shared.remote,
      folders.map(([there, here]) => `+${there}/*:${here}/*`),
      { tips: usualTips(own) },
    );
    if (failure) throw unreachable(shared.location, failure);
    // After the runs: what leaves them has come there before.
    const unarchived = await fetchArchive(ledger, own);
    await copyRefs(ledger, names.area('tags'), own.area('tags'));
    await dropArchived(ledger, own, unarchived);
  }
  await showArchivedLogs(ledger, own);
}

/** What the other side is told of: enough to build on, and nothing with thousands of parents. */
function usualTips(own: RefNames): string[] {
  return ['refs/heads', 'refs/remotes/origin', own.area('runs'), own.area('jobs')].map((area) => `${area}/*`);
}

/**
 * Fetches what keeps archived runs, and the indexes, as far as they have changed; full ones never do.
 * @returns the runs that have refs of their own there
 */
async function fetchArchive({ shared, names }: Ledger, own: RefNames): Promise<Set<string>> {
  const { local, remote, location } = shared;
  const there = names.area('archive');
  const here = own.area('archive');
  const refs = await listThere(shared, [there, names.area('runs')]);
  const unarchived = runsWithRef(names, refs);
  const present = await listRefs(local.gitDir, [here]);
  const changed = [...refs].flatMap(([ref, id]): [from: string, to: string][] => {
    const to = `${here}${ref.slice(there.length)}`;
    return ref.startsWith(`${there}/`) && present.get(to) !== id ? [[ref, to]] : [];
  });
  if (changed.length === 0) return unarchived;
  const failure = await fetchRefs(
    local,
    remote,
    changed.map(([from, to]) => `+${from}:${to}`),
    { tips: [...usualTips(own), ...changed.map(([, to]) => `${to}*`)] },
  );
  if (failure) throw unreachable(location, failure);
  return unarchived;
}

/** Elsewhere only names are listed here: what they lead to is fetched as far as it is wanted. */
async function listThere(
  { list, local, remote, location, path }: SharedRepository,
  areas: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (path !== null) return list(areas, { archived: false });
  const patterns = areas.map((area) => `${area}/*`);
  const listed = await listRemoteRefs(local, remote, patterns);
  if ('failure' in listed) throw unreachable(location, listed.failure);
  return listed.refs;
}

function runsWithRef(names: RefNames, refs: ReadonlyMap<string, string>): Set<string> {
  const parsed = [...refs.keys()].map((ref) => names.parse(ref));
  return new Set(parsed.flatMap((one) => (one?.area === 'runs' ? [one.run] : [])));
}

/**
 * Removes the refs of what was archived from one's own repository, which has all of it by now.
 * @param unarchived runs that have their refs there: they would only be fetched again, and are not looked for
 */
async function dropArchived(
  { shared: { local } }: Ledger,
  own: RefNames,
  unarchived: ReadonlySet<string>,
): Promise<void> {
  const refs = await listRefs(local.gitDir, [own.area('runs'), own.area('jobs'), ownNotes]);
  const left = new Set([...runsOf(own, refs)].filter((run) => !unarchived.has(run)));
  if (left.size === 0) return;
  const reader = openObjectReader(local.gitDir);
  try {
    const list = async (prefixes: readonly string[]) => listRefs(local.gitDir, prefixes);
    const archive = openArchive({ list, read: reader.read, local }, own);
    const tips = await archive.tips();
    const archived = tips.size === 0 ? [] : await archivedAmong(archive, tips, own, left, refs);
    await setRefs(local.gitDir, new Map(archived.map(({ ref }) => [ref, null])));
  } finally {
    reader.close();
  }
}

/** The logs of archived runs, for `git log --notes`: the trees of what keeps them are such notes. */
async function showArchivedLogs({ shared: { local } }: Ledger, own: RefNames): Promise<void> {
  const [keepers, present] = await Promise.all([
    listRefs(local.gitDir, [own.archive('keep')]),
    listRefs(local.gitDir, [archivedNotes]),
  ]);
  const wanted = [...keepers].map(([ref, id]): [string, string] => [
    `${archivedNotes}/${ref.slice(own.archive('keep').length + 1)}`,
    id,
  ]);
  await setRefs(local.gitDir, new Map(wanted.filter(([ref, id]) => present.get(ref) !== id)));
}

/** For refs that can hold something else than their tip. */
async function copyRefs({ shared }: Ledger, there: string, here: string): Promise<void> {
  const { gitDir } = shared.local;
  const [found, present] = [await shared.list([there]), await listRefs(gitDir, [here])];
  const wanted = [...found].map(([ref, id]): [string, string] => [`${here}${ref.slice(there.length)}`, id]);
  const missing = new Map(wanted.filter(([ref, id]) => present.get(ref) !== id));
  await shared.obtain([...missing.values()]);
  await setRefs(gitDir, missing);
}
