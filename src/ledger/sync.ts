import { fetchRefs } from '../git/fetch.ts';
import { listRefs, setRefs } from '../git/refs.ts';
import { inTheWay } from './in-the-way.ts';
import type { Ledger } from './ledger.ts';
import { ownNotes, type RefNames, refNames } from './refs.ts';
import { unreachable } from './shared-repository.ts';

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
 * as notes.
 * @throws DstackError `notes-ref-in-the-way`, or if the shared repository can't be reached
 */
export async function fetchHistory(ledger: Ledger): Promise<void> {
  const { shared, names } = ledger;
  const { gitDir } = shared.local;
  if ((await listRefs(gitDir, [ownNotes])).has(ownNotes)) throw inTheWay('this repository', ownNotes);
  if (isItself(ledger)) {
    if (names.notes !== ownNotes) await copyRefs(ledger, names.notes, ownNotes);
    return;
  }
  const own = ownNames(ledger);
  const folders = [
    [names.area('runs'), own.area('runs')],
    [names.area('jobs'), own.area('jobs')],
    [names.notes, ownNotes],
  ];
  const failure = await fetchRefs(
    shared.local,
    shared.remote,
    folders.map(([there, here]) => `+${there}/*:${here}/*`),
  );
  if (failure) throw unreachable(shared.location, failure);
  await copyRefs(ledger, names.area('tags'), own.area('tags'));
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
