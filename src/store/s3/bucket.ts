import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { S3Place } from '../s3-place.ts';
import { type Patience, retriesWhile } from './retries.ts';

/** The calls of S3 that a store is made of, for one bucket. They throw what the SDK throws. */
export type Bucket = ReturnType<typeof openBucket>;

export function openBucket({ bucket: Bucket, endpoint, region }: S3Place, patience: Patience) {
  let answered = false;
  const client = withoutNodeWarning(
    () =>
      new S3Client({
        ...(endpoint === undefined
          ? { followRegionRedirects: true }
          : { endpoint, forcePathStyle: true, region: region ?? 'us-east-1' }),
        ...(region === undefined ? {} : { region }),
        retryStrategy: retriesWhile(() => answered, patience),
        requestHandler: { connectionTimeout: patience.connect, socketTimeout: patience.silence },
        // Other services than AWS's refuse checksums that they don't know; every body is signed by its sha256 anyway.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      }),
  );
  client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const { statusCode } = answer.response as { statusCode?: number };
      answered ||= (statusCode ?? 500) < 500;
      return answer;
    },
    { step: 'deserialize', priority: 'low', name: 'dstackAnswered' },
  );

  return {
    /** The service's time, in ms, as far as the SDK knows it. */
    now: () => Date.now() + client.config.systemClockOffset,
    check: () => client.send(new HeadBucketCommand({ Bucket })),
    head: (Key: string) => client.send(new HeadObjectCommand({ Bucket, Key })),
    get: (Key: string, Range?: string) => client.send(new GetObjectCommand({ Bucket, Key, Range })),
    put: (Key: string, Body: Uint8Array, ContentMD5: string, IfNoneMatch?: string) =>
      client.send(
        new PutObjectCommand({ Bucket, Key, Body, ContentLength: Body.length, ContentMD5, IfNoneMatch }),
      ),
    copy: (from: string, Key: string) =>
      client.send(
        new CopyObjectCommand({
          Bucket,
          Key,
          CopySource: `${Bucket}/${from}`.split('/').map(encodeURIComponent).join('/'),
        }),
      ),
    remove: (Key: string) => client.send(new DeleteObjectCommand({ Bucket, Key })),
    list: (Prefix: string, ContinuationToken?: string) =>
      client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken })),
    /** The next level below a prefix: up to a thousand at a time. */
    folders: (Prefix: string, ContinuationToken?: string) =>
      client.send(new ListObjectsV2Command({ Bucket, Prefix, Delimiter: '/', ContinuationToken })),

    uploads: (Prefix: string, KeyMarker?: string, UploadIdMarker?: string) =>
      client.send(new ListMultipartUploadsCommand({ Bucket, Prefix, KeyMarker, UploadIdMarker })),
    begin: (Key: string) =>
      client.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'application/octet-stream' })),
    parts: (Key: string, UploadId: string, PartNumberMarker?: string) =>
      client.send(new ListPartsCommand({ Bucket, Key, UploadId, PartNumberMarker })),
    putPart: (Key: string, UploadId: string, PartNumber: number, Body: Uint8Array, ContentMD5: string) =>
      client.send(
        new UploadPartCommand({
          Bucket,
          Key,
          UploadId,
          PartNumber,
          Body,
          ContentLength: Body.length,
          ContentMD5,
        }),
      ),
    complete: (Key: string, UploadId: string, etags: readonly string[], IfNoneMatch?: string) =>
      client.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          IfNoneMatch,
          MultipartUpload: { Parts: etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 })) },
        }),
      ),
    abort: (Key: string, UploadId: string) =>
      client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })),
  };
}

/** Which Node is going to be too old for the SDK's next versions is our business, not that of who runs this one. */
function withoutNodeWarning<T>(act: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
  const before = process.env[name];
  process.env[name] = 'true';
  try {
    return act();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}
