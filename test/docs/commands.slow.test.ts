// Whatever the documents say of the command line exists: commands, options, settings, files.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allSettings, variableOf } from '../../src/config/settings.ts';
import { codeBlocks, codeSpans, readDocument, root } from './markdown.ts';

const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'hooks/README.md', 'fixtures/penguins/README.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const test = suite('the documents');

/** Variables of the example projects, which are options of `dstack run`. */
const variables = ['--VARIABLE', '--learning-rate', '--epochs', '--seed', '--who'];

interface Mention {
  readonly document: string;
  /** As it stands there. */
  readonly line: string;
  readonly words: readonly string[];
}

/** Every command line of dstack's in code, without comments, quotes and what comes after a pipe. */
function mentions(document: string): Mention[] {
  const markdown = readDocument(document);
  const code = [...codeSpans(markdown), ...codeBlocks(markdown).flatMap(({ text }) => text.split('\n'))];
  return code.flatMap((line) => {
    const match = /^(?:\$ )?(dstack(?:-runner)?)(?: (.*?))?(?:\s+[#|&].*)?$/.exec(line.trim());
    if (!match) return [];
    const rest = (match[2] ?? '').split(/\s+/).filter(Boolean);
    return [{ document, line, words: match[1] === 'dstack' ? rest : ['runner', 'start', ...rest] }];
  });
}

const helps = new Map<string, Promise<string>>();
const limit = pLimit(2);

/** What `--help` prints; of a command that does not exist, that of the one above it. */
function helpOf(path: readonly string[]): Promise<string> {
  const key = path.join(' ');
  const help =
    helps.get(key) ??
    limit(() =>
      promisify(execFile)(process.execPath, [join(root, 'dist/dstack.js'), ...path, '--help']),
    ).then(({ stdout }) => stdout);
  helps.set(key, help);
  return help;
}

const commandsIn = (help: string) =>
  [...(help.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1] as string);
const optionsIn = (help: string) =>
  [...help.matchAll(/^ {2}(-\w)?(?:, )?(--[a-z-]+)?/gm)]
    .flatMap((match) => match.slice(1, 3))
    .filter(Boolean);

/** Why a mentioned command line would not work, or null. */
async function faultOf({ words }: Mention): Promise<string | null> {
  const path: string[] = [];
  for (const word of words) {
    const below = commandsIn(await helpOf(path));
    if (below.length === 0 || word.startsWith('-')) break;
    if (word === 'COMMAND') return null;
    if (!below.includes(word)) return `there is no command ${[...path, word].join(' ')}`;
    path.push(word);
  }
  const known = [...optionsIn(await helpOf(path)), ...(path[0] === 'run' ? variables : [])];
  const unknown = words
    .filter((word) => /^-{1,2}[A-Za-z]/.test(word))
    .map((word) => word.replace(/=.*/, ''))
    .filter((word) => !known.includes(word));
  return unknown.length > 0 ? `${path.join(' ')} has no option ${unknown.join(', ')}` : null;
}

test('name only commands and options that exist', async () => {
  const found = documents.flatMap(mentions);
  assert.ok(found.length > 50, `only ${found.length} were found`);
  const faults = await Promise.all(
    found.map(async (mention) => {
      const fault = await faultOf(mention);
      return fault === null ? [] : [`${mention.document}: ${mention.line}: ${fault}`];
    }),
  );
  assert.equal(faults.flat(), []);
});

test('the check itself sees what does not exist', async () => {
  const fault = (line: string) => faultOf({ document: '', line, words: line.split(' ') });
  assert.is(await fault('runn train'), 'there is no command runn');
  assert.is(await fault('artifacts fetch first'), 'there is no command artifacts fetch');
  assert.is(await fault('status --colour'), 'status has no option --colour');
  assert.is(await fault('run train --learning-rate 0.1 -d'), null);
});

test('cover every command', async () => {
  const text = readDocument('docs/cli.md');
  const walk = async (path: readonly string[]): Promise<string[]> => {
    const below = commandsIn(await helpOf(path)).filter((name) => name !== 'help');
    if (below.length === 0) return text.includes(`\`dstack ${path.join(' ')}`) ? [] : [path.join(' ')];
    return (await Promise.all(below.map((name) => walk([...path, name])))).flat();
  };
  assert.equal(await walk([]), []);
});

test('cover every setting and its variable', () => {
  // Tables are padded.
  const text = readDocument('docs/cli.md').replace(/ {2,}/g, ' ');
  const missing = allSettings()
    .map(({ path }) => `| \`${path.join('.')}\` | \`${variableOf(path)}\` |`)
    .filter((row) => !text.includes(row));
  assert.equal(missing, []);
});

test('link only to files that are there', () => {
  const broken = documents.flatMap((document) =>
    [...readDocument(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => match[1] as string)
      .filter((target) => !existsSync(join(root, dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  );
  assert.equal(broken, []);
});

test('name only scripts of the package that exist', () => {
  const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: Record<string, string> };
  const unknown = documents.flatMap((document) =>
    [...readDocument(document).matchAll(/\bnpm run ([a-z:]+)/g)]
      .map((match) => match[1] as string)
      .filter((name) => !(name in scripts)),
  );
  assert.equal(unknown, []);
});

test.run();
