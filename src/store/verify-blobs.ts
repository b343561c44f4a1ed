import type { FileEntry, Manifest } from './manifest.ts';
import { mapLimited } from './map-limited.ts';
import type { Store } from './store.ts';

/** The files of a manifest whose blobs the store lacks, or has with another size. Contents are not read. */
export async function verifyBlobs(manifest: Manifest, store: Store): Promise<FileEntry[]> {
  const files = manifest.entries.filter((entry) => entry.type === 'file');
  const blobs = new Map(files.map((file) => [blobOf(file), file]));
  const missing = new Set<string>();
  await mapLimited([...blobs], async ([blob, file]) => {
    if (!(await store.has(file.sha256, file.size))) missing.add(blob);
  });
  return files.filter((file) => missing.has(blobOf(file)));
}

function blobOf(file: FileEntry): string {
  return `${file.sha256} ${file.size}`;
}
