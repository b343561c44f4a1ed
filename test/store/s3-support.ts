import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openStore } from '../../src/store/open-store.ts';
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
