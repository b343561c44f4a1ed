import type { StoredBlob } from '../store.ts';
import type { Bucket } from './bucket.ts';

/** The blobs below a prefix, page by page, in the order of their names. */
export async function* listBucket(bucket: Bucket, prefix: string): AsyncGenerator<StoredBlob> {
  const top = `${prefix}sha256/`;
  let next: string | undefined;
  do {
    const page = await bucket.list(top, next);
    for (const { Key = '', Size, LastModified } of page.Contents ?? []) {
      const [, first, rest] = /^([0-9a-f]{2})\/([0-9a-f]{62})$/.exec(Key.slice(top.length)) ?? [];
      if (first && rest && Size !== undefined && LastModified)
        yield { sha256: first + rest, size: Size, modified: LastModified };
    }
    next = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (next !== undefined);
}
