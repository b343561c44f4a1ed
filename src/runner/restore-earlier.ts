import type { ClaimHolder } from '../ledger/claim-holder.ts';
import { parseManifest } from '../store/manifest-text.ts';
import { restoreArtifacts } from '../store/restore-artifacts.ts';
import { verifyBlobs } from '../store/verify-blobs.ts';
import { keptByEarlier } from './publish.ts';
import type { Workplace } from './workplace.ts';

/**
 * Puts back what earlier attempts have saved of the job's artifacts, all of it or nothing, and says in the log which:
 * an attempt goes on from its checkpoints, or begins anew, but not with a half of them.
 * @throws DstackError what restoring can throw
 */
export async function restoreEarlier(
  work: Workplace,
  holder: Pick<ClaimHolder, 'claim' | 'tip'>,
  workspace: string,
  say: (line: string) => void,
): Promise<void> {
  const kept = await keptByEarlier(work, holder);
  if (kept === null) return;
  const manifest = parseManifest(kept.manifest, kept.said.manifest);
  const missing = await verifyBlobs(manifest, work.store);
  if (missing.length > 0) {
    say(
      `what earlier attempts saved is not in the store any more (${missing.length} of ${kept.said.files} files)`,
    );
    return;
  }
  await restoreArtifacts(manifest, work.store, workspace, { overwrite: true, cache: work.inputCache });
  const { files } = kept.said;
  say(`${files === 1 ? '1 file' : `${files} files`} of what earlier attempts saved back in place`);
}
