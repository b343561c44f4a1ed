// The pictures of the documents can be made, and what is there is what they make.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readDocument, root } from './markdown.ts';

const test = suite('pictures');
const own = path.join(root, 'docs/pictures');
const folder = mkdtempSync(path.join(tmpdir(), 'pictures-'));
const pictures = (place: string) => readdirSync(place).filter((name) => /\.(svg|png)$/.test(name));
/** The words of an SVG, line by line. */
const words = (place: string, name: string) =>
  [...readFileSync(path.join(place, name), 'utf8').matchAll(/<text.*?<\/text>/gs)]
    .map(([line]) =>
      line
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .join('\n');

test.after(() => rmSync(folder, { recursive: true }));

test('all are made, and each is in a document', () => {
  if (!existsSync('/usr/bin/chromium')) return console.log('SKIP pictures: there is no /usr/bin/chromium');
  execFileSync(process.execPath, ['--import', 'tsx', path.join(own, 'make.mjs'), folder], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 280_000,
  });
  assert.equal(pictures(folder).sort(), pictures(own).sort());
  const documents = ['README.md', 'docs/cli.md', 'docs/ui.md'].map(readDocument).join('\n');
  for (const name of pictures(own)) assert.match(documents, `pictures/${name}`);
});

for (const place of [own, folder]) {
  const whose = place === own ? 'those that are there' : 'those just made';
  test(`${whose} show runs, jobs and what came of them`, () => {
    if (!existsSync(path.join(place, 'page.png'))) return;
    assert.match(words(place, 'run.svg'), /validate.*accuracy 0\.9884/);
    assert.match(words(place, 'run.svg'), /dstack artifacts download brave-otter-7k2m/);
    assert.match(words(place, 'status.svg'), /tidy-fox-k6rn.*\n(.*\n)*.*witty-heron-p4xw.*failed/);
    assert.match(words(place, 'compare.svg'), /learning_rate.*\n(.*\n)*.*sweep-6/);
    const png = readFileSync(path.join(place, 'page.png'));
    assert.is(png.subarray(1, 4).toString(), 'PNG');
    assert.is(png.readUInt32BE(16), 1200);
    // An empty page of that size would be a few kilobytes.
    assert.ok(png.length > 20_000, `${png.length} bytes`);
  });
}

test.run();
