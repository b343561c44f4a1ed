import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentCache } from './content-cache.ts';
import type { Manifest } from './manifest.ts';
import { mapLimited } from './map-limited.ts';

/**
 * Lets a cache have the files that have been collected from a workspace which is about to be removed: whoever depends on
 * them next on this machine needs just these. Small ones, which share blobs, are not among them. Never fails.
 */
export async function adoptArtifacts(manifest: Manifest, root: string, cache: ContentCache): Promise<void> {
  const workspace = await realpath(root).catch(() => null);
  if (workspace === null) return;
  const files = manifest.entries.flatMap((entry) => (entry.type === 'file' && !entry.pack ? [entry] : []));
  await mapLimited(files, (file) => cache.adopt(file, join(workspace, file.path)));
}
