import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { previewKind } from '../../src/web/preview-kinds.ts';

test('a file is shown by the end of its name', () => {
  assert.equal(previewKind('out/plot.PNG'), { kind: 'image', type: 'image/png' });
  assert.equal(previewKind('a.tsv'), { kind: 'csv' });
  assert.equal(previewKind('metrics.jsonl'), { kind: 'lines' });
  assert.equal(previewKind('a/b.json'), { kind: 'json' });
});

test('what a browser would execute is text', () => {
  for (const path of [
    'report.html',
    'page.xhtml',
    'code.js',
    'doc.xml',
    'x.pdf',
    'Makefile',
    'a.constructor',
    'png',
  ])
    assert.equal(previewKind(path), { kind: 'text' }, path);
});

test.run();
