import { DstackError } from '../errors.ts';
import { fetchRefs } from '../git/fetch.ts';
import { listRefs } from '../git/refs.ts';
import type { Ledger } from './ledger.ts';
import { notesOf } from './refs.ts';
import { unreachable } from './shared-repository.ts';

/** The error for a ref where there must be a folder of them: Git can have one or the other. */
export function notesInTheWay(where: string): DstackError {
  const notes = notesOf();
  return new DstackError(
    'notes-ref-in-the-way',
    `${where} has a ref named ${notes}, where the logs would lie`,
    {
      hint: `rename it there: git update-ref ${notes}-old ${notes} && git update-ref -d ${notes}`,
    },
  );
}

/**
 * Brings the history of the shared repository into the local one, under the same names, for plain Git: runs,
 * finished jobs, tags and the logs as notes.
 * @throws DstackError `notes-ref-in-the-way`, or if the shared repository can't be reached
 */
export async function fetchHistory(ledger: Ledger): Promise<void> {
  const { shared, names } = ledger;
  const notes = notesOf();
  if ((await listRefs(shared.local.gitDir, [notes])).has(notes)) throw notesInTheWay('this repository');
  if (shared.path !== null && shared.path === shared.local.commonDir) return;
  const areas = [names.area('runs'), names.area('jobs'), names.area('tags'), notes];
  const failure = await fetchRefs(
    shared.local,
    shared.remote,
    areas.map((area) => `+${area}/*:${area}/*`),
  );
  if (failure) throw unreachable(shared.location, failure);
}
