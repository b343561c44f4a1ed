import { type Blob, blobsOf, blobsOfFile, type FileEntry, type Manifest } from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import type { Store } from './store.ts';

/** The files of a manifest whose blobs the store lacks, or has with another size. Contents are not read. */
export async function verifyBlobs(manifest: Manifest, store: Store): Promise<FileEntry[]> {
  const missing = new Set<string>();
  await mapLimited(blobsOf(manifest), async (blob) => {
    if (!(await store.has(blob.sha256, blob.size))) missing.add(keyOf(blob));
  });
  if (missing.size === 0) return [];
  return manifest.entries.filter(
    (entry): entry is FileEntry =>
      entry.type === 'file' && blobsOfFile(manifest, entry).some((blob) => missing.has(keyOf(blob))),
  );
}

function keyOf({ sha256, size }: Blob): string {
  return `${sha256} ${size}`;
}
