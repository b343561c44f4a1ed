import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { assertFails } from './temp-folder.ts';

const test = suite('open-store');

test('opens paths and file URLs', () => {
  const table: [string, string][] = [
    ['/data/store', '/data/store'],
    ['/data/store/', '/data/store'],
    ['/data/a:b', '/data/a:b'],
    ['file:/data/100%/store', '/data/100%/store'],
    ['file:///data/a%20b', '/data/a b'],
    ['FILE:///data', '/data'],
    ['file:/data/x/../store', '/data/store'],
  ];
  for (const [location, path] of table) assert.is(openStore(location).location, path);
});

test('refuses what it cannot open, with a way out', async () => {
  const table: [string, string, RegExp][] = [
    ['', 'bad-store', /absolute/],
    ['store', 'bad-store', /absolute path: store/],
    ['file:../store', 'bad-store', /absolute path: file:\.\.\/store/],
    ['file://host/data', 'bad-store', /URL/],
    ['file:///a%2Fb', 'bad-store', /URL/],
    ['/data\0', 'bad-store', /\\x00/],
    ['s3://bucket/prefix', 'store-unsupported', /not supported yet by this version/],
    ['gs://bucket', 'store-unsupported', /gs:\/\/bucket/],
  ];
  for (const [location, code, message] of table) {
    const error = await assertFails(() => openStore(location), code, message);
    assert.ok(error.hint);
  }
});

test.run();
