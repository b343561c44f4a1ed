import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { recordSchema } from '../../src/ledger/formats.ts';
import { imageOf, sameImage } from '../../src/ledger/image-identity.ts';
import { sampleRecord } from './support.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

test('images are the same if their digests or their ids are, or nothing can be compared', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(digest) as [string, string, string, string];
  const image = (first: string | null, id: string | null) => ({ digest: first, id });
  assert.ok(sameImage(image(a, b), image(a, b)));
  assert.ok(sameImage(image(a, b), image(a, null)), 'it is not here, but its tag points there');
  assert.ok(sameImage(image(a, b), image(null, b)), 'one was loaded from a file');
  assert.ok(sameImage(image(a, b), image(c, b)), 'pushed once more in another wrapping');
  assert.ok(sameImage(image(a, b), image(a, c)), 'one index, two platforms');
  assert.ok(sameImage(image(a, null), image(null, b)));
  assert.ok(sameImage(null, image(a, b)), 'an older dstack did not record it');
  assert.ok(sameImage(image(a, b), null), 'Docker could not be asked');
  assert.not(sameImage(image(a, b), image(c, d)));
  assert.not(sameImage(image(a, b), image(c, null)));
  assert.not(sameImage(image(null, b), image(null, d)));
  assert.not(sameImage(image(a, b), image(null, d)));
});

test('records say which image it was if that is known, and are as ever if not', () => {
  const known = sampleRecord({ imageDigest: digest('a'), imageId: digest('b') });
  assert.equal(imageOf(recordSchema.parse(known)), { digest: digest('a'), id: digest('b') });
  const built = sampleRecord({ imageId: digest('b') });
  assert.equal(imageOf(recordSchema.parse(built)), { digest: null, id: digest('b') });
  assert.is(imageOf(recordSchema.parse(sampleRecord())), null);
  assert.throws(() => recordSchema.parse(sampleRecord({ imageDigest: 'latest' })));
});

test.run();
