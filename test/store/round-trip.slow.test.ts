import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { parseManifest, serializeManifest } from '../../src/store/manifest-text.ts';
import { openStore } from '../../src/store/open-store.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import { inTempFolder } from './temp-folder.ts';
import { readTree, type Tree, writeTree } from './tree.ts';

const test = suite('round-trip');

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'data',
    '.hidden',
    '-rf',
    'new\nline',
    '\x1b[2J',
    '\u{1f389}',
    'caf\u00e9',
    'a b',
    '*',
  ),
  fc.stringMatching(/^[a-zA-Z0-9_~%$\\"' ]{1,12}$/),
);
const path = fc.array(name, { minLength: 1, maxLength: 4 });
const what = fc.oneof(
  fc.constant({ kind: 'folder' as const }),
  fc
    .string({ unit: 'grapheme', maxLength: 200 })
    .map((text) => ({ kind: 'file' as const, text: `f:${text}` })),
  fc.string({ maxLength: 20 }).map((text) => ({ kind: 'file' as const, text: `x:${text}` })),
  fc.record({ kind: fc.constant('link' as const), ups: fc.nat(3), down: fc.array(name, { maxLength: 2 }) }),
);

/** Only what can exist: no path at or below another one that is not a folder, no link out. */
function treeOf(items: [string[], typeof what extends fc.Arbitrary<infer What> ? What : never][]): Tree {
  const tree: Tree = {};
  for (const [names, item] of items) {
    const at = names.join('/');
    const clash = Object.keys(tree).some(
      (other) => other === at || other.startsWith(`${at}/`) || at.startsWith(`${other}/`),
    );
    if (clash || names.some((part) => part.toLowerCase() === 'git~1')) continue;
    if (item.kind === 'folder') tree[at] = '/';
    else if (item.kind === 'file') tree[at] = item.text;
    else {
      const target = [...Array(Math.min(item.ups, names.length - 1)).fill('..'), ...item.down].join('/');
      if (target !== '') tree[at] = `->${target}`;
    }
  }
  return tree;
}

test('property: what is collected comes back the same, and collects to the same manifest', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(path, what), { maxLength: 15 }).map(treeOf), (tree) =>
      inTempFolder(async (folder) => {
        const [workspace, into] = [join(folder, 'workspace'), join(folder, 'into')];
        await mkdir(workspace);
        await writeTree(workspace, tree);
        assert.equal(await readTree(workspace), sorted(tree), 'the test itself wrote the tree');
        const store = openStore(join(folder, 'store'));
        const { manifest, totals } = await collectArtifacts(workspace, ['.'], store);
        const text = serializeManifest(manifest);
        await restoreArtifacts(parseManifest(Buffer.from(text)), store, into);
        assert.equal(await readTree(into), await readTree(workspace));
        const again = await collectArtifacts(into, ['.'], store);
        assert.is(serializeManifest(again.manifest), text);
        assert.equal(await restoreArtifacts(manifest, store, into), {
          written: 0,
          unchanged: manifest.entries.length,
          bytes: 0,
        });
        assert.is(totals.files, Object.values(tree).filter((text) => /^[fx]:/.test(text)).length);
      }),
    ),
    { numRuns: 40 },
  );
});

function sorted(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test.run();
