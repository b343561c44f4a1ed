import type { StoredBlob } from '../store.ts';
import type { Bucket } from './bucket.ts';

/** The blobs below a prefix, page by page, in the order of their names. */
export async function* listBucket(bucket: Bucket, prefix: string): AsyncGenerator<StoredBlob> {
  for await (const { name, size, modified } of keysBelow(bucket, `${prefix}sha256/`)) {
    const [, first, rest] = /^([0-9a-f]{2})\/([0-9a-f]{62})$/.exec(name) ?? [];
    if (first && rest) yield { sha256: first + rest, size, modified };
  }
}

/** What lies below `top`, page by page, by the rest of its names. */
export async function* keysBelow(
  bucket: Bucket,
  top: string,
): AsyncGenerator<{ name: string; size: number; modified: Date }> {
  let next: string | undefined;
  do {
    const page = await bucket.list(top, next);
    for (const { Key = '', Size, LastModified } of page.Contents ?? []) {
      if (Size !== undefined && LastModified)
        yield { name: Key.slice(top.length), size: Size, modified: LastModified };
    }
    next = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (next !== undefined);
}
