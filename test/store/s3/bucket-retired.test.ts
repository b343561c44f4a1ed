import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Bucket } from '../../../src/store/s3/bucket.ts';
import { bucketRetired, retiredKeys } from '../../../src/store/s3/bucket-retired.ts';

const blob = 'ab'.repeat(32);

for (const [seconds, moved] of [
  [299, true],
  [301, false],
] as const) {
  test(`who stood still for ${seconds} s in the middle of a move ${moved ? 'ends' : 'leaves'} it`, async () => {
    const removed: string[] = [];
    const bucket = { copy: async () => {}, remove: async (key: string) => removed.push(key) };
    const retired = bucketRetired(
      bucket as unknown as Bucket,
      'p/',
      (work) => work(),
      () => () => seconds,
    );
    assert.is(await retired.add(blob, 'a'), moved);
    assert.is(removed.length, moved ? 1 : 0);
  });
}

test('a pause that only the time of day tells is one, too', async () => {
  const { now } = Date;
  const removed: string[] = [];
  let at = 1_000_000_000;
  const bucket = {
    // As if the machine had been suspended, which not every clock counts.
    copy: async () => {
      at += 301_000;
    },
    remove: async (key: string) => removed.push(key),
  };
  Date.now = () => at;
  try {
    const retired = bucketRetired(bucket as unknown as Bucket, 'p/', (work) => work());
    assert.is(await retired.add(blob, 'a'), false);
  } finally {
    Date.now = now;
  }
  assert.equal(removed, []);
});

test('a blob is looked for in all batches, however many there are', async () => {
  const bucket = {
    folders: async (prefix: string, next?: string) => ({
      CommonPrefixes: [{ Prefix: `${prefix}${next ?? 'first'}/` }],
      IsTruncated: next === undefined,
      NextContinuationToken: next === undefined ? 'second' : undefined,
    }),
  };
  assert.equal(await retiredKeys(bucket as unknown as Bucket, 'p/', blob), [
    `p/retired/first/${blob}`,
    `p/retired/second/${blob}`,
  ]);
});

test.run();
