import { DstackError } from '../errors.ts';
import { fetchRefs } from '../git/fetch.ts';
import { listRefs } from '../git/refs.ts';
import type { Ledger } from './ledger.ts';
import { notesOf } from './refs.ts';
import { unreachable } from './shared-repository.ts';

/**
 * Brings the history of the shared repository into the local one, under the same names, for plain Git: runs,
 * finished jobs, tags and the logs as notes.
 * @throws DstackError `notes-ref-in-the-way`, or if the shared repository can't be reached
 */
export async function fetchHistory(ledger: Ledger): Promise<void> {
  const { shared, names } = ledger;
  const notes = notesOf();
  if ((await listRefs(shared.local.gitDir, [notes])).has(notes)) {
    throw new DstackError(
      'notes-ref-in-the-way',
      `this repository has a ref named ${notes}, where the logs would lie`,
      {
        hint: `rename it: git update-ref ${notes}-old ${notes} && git update-ref -d ${notes}`,
      },
    );
  }
  if (shared.path !== null && shared.path === shared.local.commonDir) return;
  const areas = [names.area('runs'), names.area('jobs'), names.area('tags'), notes];
  const failure = await fetchRefs(
    shared.local,
    shared.remote,
    areas.map((area) => `+${area}/*:${area}/*`),
  );
  if (failure) throw unreachable(shared.location, failure);
}
