import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openStore } from '../../src/store/open-store.ts';
import { createBucketStore } from '../../src/store/s3/bucket-store.ts';
import { type Patience, usualPatience } from '../../src/store/s3/retries.ts';
import { parseS3Location } from '../../src/store/s3-place.ts';
import type { Store } from '../../src/store/store.ts';
import type { Subject } from './store-contract.ts';

// As the store does for itself.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export interface S3Subject extends Subject {
  bucket: string;
  /** A client without any of what the store does about failures. */
  client: S3Client;
}

export function keyOf(sha256: string): string {
  return `some/prefix/sha256/${sha256.slice(0, 2)}/${sha256.slice(2)}`;
}

/** The same store, with less patience. */
export function impatient(location: string, patience: Partial<Patience>): Store {
  return createBucketStore(parseS3Location(location), { ...usualPatience, ...patience });
}

/**
 * A store in a new bucket.
 * @param direct where the server is
 * @param by how the store gets to it
 */
export async function newS3Store(direct: string, by = direct): Promise<S3Subject> {
  const client = new S3Client({ endpoint: direct, forcePathStyle: true, region: 'us-east-1' });
  const bucket = `b-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const location = `s3://${bucket}/some/prefix?endpoint=${by}`;
  return {
    store: openStore(location),
    location,
    bucket,
    client,
    damage: async (sha256, content) => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: keyOf(sha256), Body: content }));
    },
  };
}
