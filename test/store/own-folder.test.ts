import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Manifest } from '../../src/store/manifest.ts';
import { checkManifest } from '../../src/store/manifest-text.ts';
import { inOwnFolder } from '../../src/store/own-folder.ts';

const link = (path: string) => ({ type: 'link' as const, path, target: 'x' });
const manifest = (...paths: string[]): Manifest => ({ packs: [], entries: paths.map(link) });
const pathsOf = ({ entries }: Manifest) => entries.map(({ path }) => path);

test('each artifact goes into a folder within its path, named after the job', () => {
  const moved = inOwnFolder(
    manifest('log', 'out/a/b', 'out/c', 'results/deep/x', 'results/deeper'),
    ['out', 'log', 'results/deep', 'results/deeper'],
    'train-2',
  );
  assert.equal(pathsOf(moved), [
    'log/train-2',
    'out/train-2/a/b',
    'out/train-2/c',
    'results/deep/train-2/x',
    'results/deeper/train-2',
  ]);
});

test('the result is a sound manifest', () => {
  const paths = ['a-b/x', 'a/x', 'out', 'out.log'];
  const moved = inOwnFolder(manifest(...paths), ['a', 'a-b', 'out', 'out.log'], 'z-1');
  assert.is(checkManifest(moved).entries.length, paths.length);
  const empty: Manifest = { packs: [], entries: [{ type: 'folder', path: 'out' }] };
  assert.equal(pathsOf(inOwnFolder(empty, ['out'], 'z-1')), ['out/z-1']);
});

test.run();
