// Every message is in docs/messages.md, says what to do next, and is written like the others.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../markdown.ts';
import { printSaid, saidBy, saidBySource } from './document.ts';

const test = suite('messages');
const document = path.join(root, 'docs/messages.md');
const said = saidBySource();

/** Names that begin with a capital letter wherever they stand. */
const proper = /^(Docker|Git|GitHub|Podman|Node|NVIDIA|Ctrl)\b/;

test('docs/messages.md lists all: `npm run messages` writes it', () => {
  const before = readFileSync(document, 'utf8');
  const begin = before.indexOf('\n## Errors\n') + 1;
  const now = before.slice(0, begin) + printSaid(said);
  if (process.env.DSTACK_WRITE_MESSAGES) writeFileSync(document, now);
  else assert.is(before, now, 'docs/messages.md is not what the source says: npm run messages');
});

test('every error says what to do next, but those that its user has wanted', () => {
  const silent = said.errors.filter(({ hints, wanted }) => hints.length === 0 && !wanted);
  assert.equal(
    silent.map(({ file, texts }) => `${file}: ${texts[0]}`),
    [],
  );
});

test('messages begin in lower case, end without a full stop, and have one kind of apostrophe', () => {
  const texts = [
    ...said.errors.flatMap(({ texts, hints, file }) => [...texts, ...hints].map((text) => ({ text, file }))),
    ...said.lines,
  ];
  const odd = texts.filter(({ text }) => {
    const capital = /^\p{Lu}\p{Ll}/u.test(text) && !proper.test(text);
    return capital || /[^.]\.$/.test(text) || /’/.test(text);
  });
  assert.equal(
    odd.map(({ file, text }) => `${file}: ${text}`),
    [],
  );
});

test('messages name things, blame nobody, and beg for nothing', () => {
  const empty =
    /\b(please|sorry|oops|something went wrong|unexpected error|illegal|fatal|unable to|invalid)\b/i;
  const texts = [
    ...said.errors.flatMap(({ texts, hints }) => [...texts, ...hints]),
    ...said.lines.map(({ text }) => text),
  ];
  assert.equal(
    texts.filter((text) => empty.test(text)),
    [],
  );
});

test('the list finds errors however they are made', () => {
  const source = `
    export function bad(what: string, hint: string) { return new DstackError('bad', \`\${what} is bad\`, { hint }); }
    const gone = (name: string) => new DstackError('gone', \`there is no \${plainText(name)}\`, { hint: LOOK });
    const LOOK = 'look there';
    if (a) throw bad('this', ok ? 'one' : 'other');
    if (b) throw usageError('twice', both ? 'a' + ' and b' : 'c');
    throw new DstackError('declined', 'nothing was done', { exitCode: 130 });
  `;
  const { errors } = saidBy(new Map([['src/some.ts', source]]));
  assert.equal(
    errors.map(({ code, texts, hints, wanted }) => [code, texts, hints, wanted]),
    [
      ['bad', ['this is bad'], ['one', 'other'], false],
      ['declined', ['nothing was done'], [], true],
      ['gone', ['there is no ‹name›'], ['look there'], false],
      ['twice', ['a and b', 'c'], [], false],
    ],
  );
});

test.run();
