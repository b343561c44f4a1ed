import type { Bucket } from './bucket.ts';
import { nameOf, statusOf } from './s3-errors.ts';

const WEEK_MS = 7 * 24 * 60 * 60_000;

interface Upload {
  key: string;
  id: string;
  /** When it began, in ms, by the store's clock. */
  began: number;
}

/** The newest upload of an object that hasn't been completed; those older than a week are removed instead. */
export async function findUpload(bucket: Bucket, key: string): Promise<string | null> {
  let newest: Upload | null = null;
  for await (const upload of recentUploads(bucket, key)) {
    if (upload.key === key && (newest === null || upload.began > newest.began)) newest = upload;
  }
  return newest?.id ?? null;
}

/** Removes what uploads that began more than a week ago have left below a prefix: nobody goes on with them. */
export async function removeOldUploads(bucket: Bucket, prefix: string): Promise<void> {
  for await (const _ of recentUploads(bucket, prefix));
}

async function* recentUploads(bucket: Bucket, prefix: string): AsyncGenerator<Upload> {
  try {
    for await (const upload of allUploads(bucket, prefix)) {
      if (bucket.now() - upload.began < WEEK_MS) yield upload;
      else await bucket.abort(upload.key, upload.id);
    }
  } catch (error) {
    // Not every service has this, and not everybody may use it: then each upload is begun anew.
    const without = statusOf(error) === 403 || statusOf(error) === 501;
    if (!without && !/^(NoSuchUpload|MethodNotAllowed)$/.test(nameOf(error))) throw error;
  }
}

async function* allUploads(bucket: Bucket, prefix: string): AsyncGenerator<Upload> {
  let [keyMarker, idMarker]: (string | undefined)[] = [];
  do {
    const page = await bucket.uploads(prefix, keyMarker, idMarker);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key && UploadId && Initiated) yield { key: Key, id: UploadId, began: Initiated.getTime() };
    }
    [keyMarker, idMarker] = page.IsTruncated ? [page.NextKeyMarker, page.NextUploadIdMarker] : [];
  } while (keyMarker !== undefined);
}
