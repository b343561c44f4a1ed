import type { Ledger } from '../ledger/ledger.ts';
import { unreadable } from '../ledger/prune/must-read.ts';
import { readNeeds } from '../ledger/prune/needs.ts';
import { type Blob, blobsOf } from '../store/manifest.ts';
import { parseManifest } from '../store/manifest-text.ts';

/**
 * What a job's commit needs of the store: its artifacts, and what of its streams is too long for Git.
 * @throws DstackError `unreadable` if any of it can't be read, `newer-format`
 */
export async function blobsOfJob(ledger: Ledger, commit: string): Promise<Blob[]> {
  const { job, artifacts, stored } = await readNeeds(ledger, commit);
  try {
    return [...(artifacts ? blobsOf(parseManifest(artifacts.text, artifacts.sha256)) : []), ...stored];
  } catch (error) {
    const what = `the artifacts.json of ${job} (${commit})`;
    throw unreadable(ledger.shared.location, what, (error as Error).message, error);
  }
}
