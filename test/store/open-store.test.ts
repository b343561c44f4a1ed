import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { assertFails } from './temp-folder.ts';

const test = suite('open-store');

test('opens paths, file URLs and addresses of S3', () => {
  const table: [string, string][] = [
    ['/data/store', '/data/store'],
    ['/data/store/', '/data/store'],
    ['/data/a:b', '/data/a:b'],
    ['file:/data/100%/store', '/data/100%/store'],
    ['file:///data/a%20b', '/data/a b'],
    ['FILE:///data', '/data'],
    ['file:/data/x/../store', '/data/store'],
    ['s3://bucket', 's3://bucket'],
    ['s3://my.bucket/a/b/', 's3://my.bucket/a/b'],
    [
      's3://bucket/a%20b?region=eu-west-1&endpoint=https%3A%2F%2Fs3.example%3A9000/',
      's3://bucket/a%20b?endpoint=https://s3.example:9000&region=eu-west-1',
    ],
    ['s3://bucket?endpoint=http://host/way%252b?', 's3://bucket?endpoint=http://host/way%252b'],
  ];
  for (const [location, path] of table) {
    assert.is(openStore(location).location, path);
    assert.is(openStore(path).location, path);
  }
});

test('refuses what it cannot open, with a way out', async () => {
  const table: [string, string, RegExp][] = [
    ['', 'bad-store', /absolute/],
    ['store', 'bad-store', /absolute path: store/],
    ['file:../store', 'bad-store', /absolute path: file:\.\.\/store/],
    ['file://host/data', 'bad-store', /URL/],
    ['file:///a%2Fb', 'bad-store', /URL/],
    ['/data\0', 'bad-store', /\\x00/],
    ['s3:bucket/prefix', 'bad-store', /valid S3 address/],
    ['s3://', 'bad-store', /name of a bucket: nothing/],
    ['s3://b', 'bad-store', /name of a bucket: b/],
    ['s3://bucket:80/x', 'bad-store', /name of a bucket/],
    ['s3://bucket/a//b', 'bad-store', /prefix in a bucket: \/a\/\/b/],
    ['s3://bucket/a%2f..%2fb', 'bad-store', /prefix in a bucket/],
    ['s3://bucket/a%1bb', 'bad-store', /prefix in a bucket/],
    ['s3://bucket/%ff', 'bad-store', /prefix in a bucket/],
    [`s3://bucket/${'x'.repeat(513)}`, 'bad-store', /prefix in a bucket/],
    ['s3://bucket/a#b', 'bad-store', /no part after/],
    ['s3://bucket?regoin=x', 'bad-store', /no parameter `regoin`/],
    ['s3://bucket?region=a/b', 'bad-store', /region: a\/b/],
    ['s3://bucket?endpoint=host:9000', 'bad-store', /endpoint of S3: host:9000/],
    ['s3://bucket?endpoint=file:///x', 'bad-store', /endpoint/],
    ['gs://bucket', 'store-unsupported', /gs:\/\/bucket/],
  ];
  for (const [location, code, message] of table) {
    const error = await assertFails(() => openStore(location), code, message);
    assert.ok(error.hint);
  }
});

test('never repeats credentials that somebody has put into the address', async () => {
  for (const location of [
    's3://AKIA:sesame@bucket/x',
    's3://bucket?secret=sesame',
    's3://bucket?endpoint=https://AKIA:sesame@host',
    's3://bucket?endpoint=https://host?key=sesame',
    's3://AKIA:sesame@bucket:port/x',
  ]) {
    const error = await assertFails(() => openStore(location), 'bad-store', /S3/);
    assert.not.match(`${error.message} ${error.hint} ${error.stack}`, /sesame/, location);
  }
});

test.run();
