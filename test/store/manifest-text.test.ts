import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blobsOf, type Manifest, type ManifestEntry, manifestTotals } from '../../src/store/manifest.ts';
import { caseCollisions, parseManifest, serializeManifest } from '../../src/store/manifest-text.ts';
import { sha256Of } from './store-contract.ts';
import { assertFails } from './temp-folder.ts';

const test = suite('manifest-text');
const sha256 = 'a'.repeat(64);

function file(path: string, size = 1): ManifestEntry {
  return { type: 'file', path, size, sha256, executable: false };
}
function link(path: string, target: string): ManifestEntry {
  return { type: 'link', path, target };
}
function folder(path: string): ManifestEntry {
  return { type: 'folder', path };
}
function textOf(...entries: unknown[]): string {
  return JSON.stringify({ format: 1, entries });
}

test('a list of which the record has another hash is refused', async () => {
  const text = textOf(file('a'));
  assert.is(parseManifest(text, sha256Of(Buffer.from(text))).entries.length, 1);
  await assertFails(() => parseManifest(text, sha256), 'bad-manifest', /its record has the hash/);
});

test('writes one sorted text, a line for each entry', () => {
  const manifest: Manifest = {
    packs: [],
    entries: [file('b', 3), link('a/link', '../b'), folder('a/empty'), file('\u{1f389}'), file('\uffee')],
  };
  const text = serializeManifest(manifest);
  assert.is(
    text,
    [
      '{"format":1,"entries":[',
      '{"type":"folder","path":"a/empty"},',
      '{"type":"link","path":"a/link","target":"../b"},',
      `{"type":"file","path":"b","size":3,"sha256":"${sha256}","executable":false},`,
      // Bytewise, unlike JavaScript's order of strings.
      `{"type":"file","path":"\uffee","size":1,"sha256":"${sha256}","executable":false},`,
      `{"type":"file","path":"\u{1f389}","size":1,"sha256":"${sha256}","executable":false}`,
      ']}',
      '',
    ].join('\n'),
  );
  assert.is(serializeManifest(parseManifest(text)), text);
  assert.is(serializeManifest(parseManifest(Buffer.from(text))), text);
  assert.is(serializeManifest({ packs: [], entries: [] }), '{"format":1,"entries":[]}\n');
});

const piece = { sha256: 'b'.repeat(64), size: 5 };
const other = { sha256: 'c'.repeat(64), size: 9, brotli: 4 };

test('packs and chunks make it format 2; packs are in the order of the files, and none without any', () => {
  const manifest: Manifest = {
    packs: [piece, { ...piece, sha256: 'd'.repeat(64) }, other],
    entries: [
      { ...file('b', 2), pack: { offset: 3, index: 0 } } as ManifestEntry,
      { ...file('a', 9), pack: { offset: 0, index: 2 } } as ManifestEntry,
      { ...file('c', 14), chunks: [piece, other] } as ManifestEntry,
    ],
  };
  const text = serializeManifest(manifest);
  const about = (path: string, size: number) =>
    `{"type":"file","path":"${path}","size":${size},"sha256":"${sha256}","executable":false`;
  assert.is(
    text,
    [
      '{"format":2,"packs":[',
      `{"sha256":"${'c'.repeat(64)}","size":9,"brotli":4},`,
      `{"sha256":"${'b'.repeat(64)}","size":5}`,
      '],"entries":[',
      `${about('a', 9)},"pack":{"index":0,"offset":0}},`,
      `${about('b', 2)},"pack":{"index":1,"offset":3}},`,
      `${about('c', 14)},"chunks":[{"sha256":"${'b'.repeat(64)}","size":5},{"sha256":"${'c'.repeat(64)}","size":9,"brotli":4}]}`,
      ']}',
      '',
    ].join('\n'),
  );
  assert.is(serializeManifest(parseManifest(text)), text);
  assert.equal(blobsOf(parseManifest(text)), [
    { sha256: 'c'.repeat(64), size: 4 },
    { sha256: 'b'.repeat(64), size: 5 },
  ]);
  const chunksOnly = serializeManifest({ packs: [], entries: manifest.entries.slice(2) });
  assert.match(chunksOnly, '{"format":2,"packs":[],"entries":[');
});

for (const [name, packs, content, message] of [
  ['both chunks and a pack', [piece], { chunks: [piece], pack: { index: 0, offset: 0 } }, /both/],
  ['chunks of another size', [], { chunks: [piece, piece] }, /another size/],
  ['a pack that is not there', [piece], { pack: { index: 1, offset: 0 } }, /not listed/],
  ["an end behind its pack's", [piece], { pack: { index: 0, offset: 1 } }, /behind the end/],
  ['a negative offset', [piece], { pack: { index: 0, offset: -1 } }, /offset/],
  ['no chunk at all', [], { chunks: [] }, /chunks/],
  ['a chunk with a bad name', [], { chunks: [{ ...piece, sha256: '../x' }] }, /sha256/],
] as const) {
  test(`refused: ${name}`, async () => {
    const text = JSON.stringify({ format: 2, packs, entries: [{ ...file('a', 5), ...content }] });
    await assertFails(() => parseManifest(text), 'bad-manifest', message);
  });
}

test('format 1 has no packs, and what says no format is none', async () => {
  await assertFails(() => parseManifest('{"format":1,"packs":[],"entries":[]}'), 'bad-manifest', /format 1/);
  await assertFails(() => parseManifest('{"packs":[],"entries":[]}'), 'bad-manifest', /its format/);
  await assertFails(() => parseManifest('{"format":2,"entries":[]}'), 'bad-manifest', /packs/);
});

test('counts files and bytes', () => {
  assert.equal(
    manifestTotals({ packs: [], entries: [file('a', 2), file('b', 3), folder('c'), link('d', 'a')] }),
    {
      files: 2,
      bytes: 5,
    },
  );
});

test('legal, though odd', () => {
  const entries = [
    file('new\nline'),
    file('\x1b[2Jescape'),
    file('back\\slash'),
    file('..hidden'),
    file('.gitignore'),
    file('.github/x'),
    file(' '),
    file('-rf'),
    file('con'),
    file('a'),
    file('A'),
    folder('deep'),
    file('deep/x'),
    link('deep/up', '../a'),
    link('deep/root', '..'),
    link('dangling', 'no/such/file'),
    link('dots', './a//b/'),
  ];
  assert.is(parseManifest(textOf(...entries)).entries.length, entries.length);
});

const hostile: [string, unknown, RegExp][] = [
  ['no JSON', '{', /not JSON/],
  ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /UTF-8/],
  ['null', 'null', /not valid/],
  ['no entries', '{"format":1}', /entries/],
  ['format as text', '{"format":"1","entries":[]}', /format/],
  ['unknown key', '{"format":1,"entries":[],"x":1}', /x/],
  ['unknown type', textOf({ type: 'device', path: 'x' }), /entries\.0\.type/],
  ['unknown key of an entry', textOf({ ...folder('x'), mode: 4095 }), /mode/],
  ['negative size', textOf(file('x', -1)), /size/],
  ['fractional size', textOf(file('x', 0.5)), /size/],
  ['not a sha256', textOf({ ...file('x'), sha256: `${'a'.repeat(64)}\n` }), /sha256/],
  ['upper-case sha256', textOf({ ...file('x'), sha256: 'A'.repeat(64) }), /sha256/],
  ['empty path', textOf(file('')), /is empty/],
  ['absolute', textOf(file('/etc/passwd')), /is absolute/],
  ['dot-dot', textOf(file('../x')), /`\.\.`/],
  ['dot-dot inside', textOf(file('a/../../x')), /`\.\.`/],
  ['dot-dot at the end', textOf(folder('a/..')), /`\.\.`/],
  ['dot', textOf(file('./x')), /`\.`/],
  ['empty name', textOf(file('a//b')), /empty name/],
  ['slash at the end', textOf(folder('a/')), /empty name/],
  ['.git', textOf(file('.git/hooks/post-checkout')), /\.git/],
  ['.git below', textOf(file('a/.git')), /\.git/],
  ['.GIT', textOf(file('.GiT/config')), /\.git/],
  ['.git as HFS+ sees it', textOf(file('.g\u200cit/config')), /\.git/],
  ['.git as NTFS sees it', textOf(file('GIT~1/config')), /\.git/],
  ['NUL', textOf(file('a\0b')), /NUL/],
  ['lone surrogate', '{"format":1,"entries":[{"type":"folder","path":"\\ud800"}]}', /Unicode/],
  ['over-long name', textOf(file('é'.repeat(128))), /longer than 255/],
  ['over-long path', textOf(file(`${'a/'.repeat(3000)}a`)), /longer than 4095/],
  ['listed twice', textOf(file('a'), file('a')), /'a' is listed twice/],
  ['listed as two things', textOf(file('a'), folder('a')), /'a' is listed twice/],
  ['through a link', textOf(link('a', 'b'), file('a/b')), /inside the link 'a'/],
  ['deep through a link', textOf(file('a/b/c/d'), link('a/b', 'x')), /inside the link 'a\/b'/],
  ['through a file', textOf(file('a'), folder('a/b')), /inside the file 'a'/],
  ['link to an absolute path', textOf(link('a', '/etc')), /'\/etc' of the link 'a' is absolute/],
  ['link out', textOf(link('a', '..')), /leaves the workspace/],
  ['deep link out', textOf(link('a/b/c', '../../../x')), /leaves the workspace/],
  ['link down and up', textOf(link('a/b/l', 'down/../x')), /after a name/],
  ['link into .git', textOf(link('a', '.git/config')), /\.git/],
  ['empty link', textOf(link('a', '')), /is empty/],
  ['link with NUL', textOf(link('a', 'b\0')), /NUL/],
];
for (const [name, text, message] of hostile) {
  test(`refused: ${name}`, async () => {
    await assertFails(() => parseManifest(text as string | Uint8Array), 'bad-manifest', message);
  });
}

test('a refusal never prints raw control characters', async () => {
  const error = await assertFails(() => parseManifest(textOf(file('\x1b[2J/..'))), 'bad-manifest', /x1b/);
  assert.not.match(error.message, /\x1b/);
});

test('what is refused when read is refused when written', async () => {
  await assertFails(() => serializeManifest({ packs: [], entries: [file('../x')] }), 'bad-manifest', /\.\./);
});

test('a later format is told apart from a broken one', async () => {
  await assertFails(
    () => parseManifest('{"format":3,"trees":[]}'),
    'newer-format',
    /written by a newer dstack/,
  );
});

test('case collisions are found, folders included', () => {
  const entries = [
    file('Data/x'),
    file('data/y'),
    file('A'),
    file('a'),
    file('b'),
    file('caf\u00e9'),
    file('cafe\u0301'),
  ];
  assert.equal(caseCollisions({ packs: [], entries }), [
    ['Data', 'data'],
    ['A', 'a'],
    ['caf\u00e9', 'cafe\u0301'],
  ]);
});

test('property: links that are let through cannot lead out together', () => {
  const name = fc.constantFrom('a', 'b', 'c', '..', '.');
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });
  const target = fc.array(name, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.tuple(path, target), { minLength: 1, maxLength: 5 }), (pairs) => {
      const links = new Map<string, string[]>();
      for (const [at, to] of pairs) {
        try {
          parseManifest(
            textOf(...[...links, [at.join('/'), to] as const].map(([p, t]) => link(p, t.join('/')))),
          );
          links.set(at.join('/'), to);
        } catch {}
      }
      for (const [at, to] of links) resolve(links, at.split('/').slice(0, -1), to);
    }),
    { numRuns: 1000 },
  );
});

/** Follows a link as a kernel does, 40 links at most; throws where it would leave the workspace. */
function resolve(links: Map<string, string[]>, from: string[], target: string[]): void {
  let at = from;
  let hops = 0;
  const ahead = [...target];
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === '.') continue;
    if (name === '..') {
      if (at.length === 0) throw new Error('left the workspace');
      at = at.slice(0, -1);
      continue;
    }
    const next = links.get([...at, name].join('/'));
    if (next === undefined) at = [...at, name];
    else if (++hops > 40) return;
    else ahead.unshift(...next);
  }
}

test.run();
