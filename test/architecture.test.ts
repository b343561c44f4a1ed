// The rules of docs/architecture.md, checked on every source file.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { glob } from 'tinyglobby';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Which folders of src/ a folder may import from, besides itself and the files directly in src/. */
const ALLOWED: Record<string, readonly string[]> = {
  cli: ['web', 'tui', 'runner', 'ledger', 'executor', 'store', 'git', 'config', 'language', 'host'],
  web: ['tui', 'ledger', 'store', 'git'],
  tui: ['ledger'],
  runner: ['ledger', 'executor', 'store', 'git', 'config', 'language'],
  ledger: ['git', 'language'],
  executor: [],
  store: [],
  git: [],
  language: [],
  config: [],
  host: [],
};

const MOST_LINES = 300;

interface SourceFile {
  /** Relative to the root, such as `src/git/refs.ts`. */
  name: string;
  text: string;
  syntax: ts.SourceFile;
  /** Everything it imports, types too: files relative to the root, packages by what stands in the import. */
  imports: string[];
}

function read(name: string): SourceFile {
  const text = readFileSync(path.join(root, name), 'utf8');
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const imports = importedFiles.map(({ fileName }) =>
    fileName.startsWith('.') ? path.posix.join(path.posix.dirname(name), fileName) : fileName,
  );
  return { name, text, syntax: ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true), imports };
}

const files = (await glob('src/**/*.{ts,tsx}', { cwd: root })).sort().map(read);

/** The folder of src/ that a file lies in; '' for one directly in src/; undefined for anything else. */
function folderOf(name: string): string | undefined {
  if (!name.startsWith('src/')) return undefined;
  return name.split('/').length === 2 ? '' : name.split('/')[1];
}

function nodesOf(file: SourceFile): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    node.forEachChild(visit);
  };
  visit(file.syntax);
  return nodes;
}

/** The names of files for which something is true, which should be none. */
const offenders = (wrong: (file: SourceFile) => boolean) => files.filter(wrong).map(({ name }) => name);

test('there are sources, and each folder has its place in the order', () => {
  assert.ok(files.length > 0);
  const folders = readdirSync(path.join(root, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const unknown = folders.map(({ name }) => name).filter((name) => !(name in ALLOWED));
  assert.equal(unknown, []);
});

test('folders import only from those below them', () => {
  const wrong = files.flatMap((file) => {
    const own = folderOf(file.name) ?? '';
    const allowed = ['', own, ...(ALLOWED[own] ?? [])];
    return file.imports
      .filter((imported) => /^(\.\.|src|bin|test|hooks|fixtures)(\/|$)/.test(imported))
      .filter((imported) => !allowed.includes(folderOf(imported) ?? imported))
      .map((imported) => `${file.name} imports ${imported}`);
  });
  assert.equal(wrong, []);
});

test('no file imports itself by way of others', () => {
  const byName = new Map(files.map((file) => [file.name, file]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (name: string, above: readonly string[]): void => {
    if (above.includes(name)) cycles.push([...above.slice(above.indexOf(name)), name].join(' → '));
    if (above.includes(name) || done.has(name)) return;
    for (const imported of byName.get(name)?.imports ?? []) visit(imported, [...above, name]);
    done.add(name);
  };
  for (const { name } of files) visit(name, []);
  assert.equal(cycles, []);
});

test('only git/ runs Git', () => {
  const wrong = offenders(
    (file) =>
      folderOf(file.name) !== 'git' &&
      /\b(spawn|spawnSync|exec|execSync|execFile|execFileSync)\(\s*['"`]git\b/.test(file.text),
  );
  assert.equal(wrong, []);
});

test('zod is imported so that what is not used of it can be left out', () => {
  const wrong = offenders((file) => /^import \{[^}]*\} from 'zod'/m.test(file.text));
  assert.equal(wrong, []);
});

test('only executor/ talks to Docker', () => {
  const wrong = offenders((file) => folderOf(file.name) !== 'executor' && file.imports.includes('dockerode'));
  assert.equal(wrong, []);
});

test('only ledger/ knows the names of refs', () => {
  const isText = (node: ts.Node): node is ts.LiteralLikeNode =>
    ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
  // The configuration has the default prefix, since a person may change it there.
  const wrong = offenders(
    (file) =>
      folderOf(file.name) !== 'ledger' &&
      file.name !== 'src/config/settings.ts' &&
      nodesOf(file).some((node) => isText(node) && /refs\/(notes\/)?dstack/.test(node.text)),
  );
  assert.equal(wrong, []);
});

test('a package that is loaded late is asked for its default export only', () => {
  // In the bundle, a CommonJS package that is imported so has no other: load a file of our own late instead.
  const wrong = files.flatMap((file) =>
    nodesOf(file)
      .filter(ts.isCallExpression)
      .filter((call) => call.expression.kind === ts.SyntaxKind.ImportKeyword)
      .filter((call) =>
        call.arguments.some((to) => ts.isStringLiteralLike(to) && !/^(\.|node:)/.test(to.text)),
      )
      .map((call) => call.parent.parent.getText())
      .filter((around) => !/\{ default: \w+ \}|\)\.default\b/.test(around))
      .map((around) => `${file.name}: ${around}`),
  );
  assert.equal(wrong, []);
});

test('files are named in kebab-case, and none is too long to be read at once', () => {
  assert.equal(
    offenders(({ name }) => !/^src(\/[a-z0-9]+(-[a-z0-9]+)*)+\.tsx?$/.test(name)),
    [],
  );
  assert.equal(
    offenders(({ text }) => text.split('\n').length > MOST_LINES),
    [],
  );
});

test('files that the documents for contributors name are there', () => {
  const wrong = ['CONTRIBUTING.md', 'docs/architecture.md'].flatMap((document) => {
    const text = readFileSync(path.join(root, document), 'utf8');
    const named = [...text.matchAll(/(?<![\w/.])(?:src|test|docs|bin|fixtures)\/[\w./-]+\.\w+/g)].map(
      ([name]) => name,
    );
    return named.filter((name) => !existsSync(path.join(root, name))).map((name) => `${document}: ${name}`);
  });
  assert.equal(wrong, []);
});

test('every dependency has its line in docs/dependencies.md, and every line its dependency', () => {
  const { dependencies = {}, devDependencies } = JSON.parse(
    readFileSync(path.join(root, 'package.json'), 'utf8'),
  );
  const text = readFileSync(path.join(root, 'docs/dependencies.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `([^`]+)` *\|/gm)].map((match) => match[1]);
  assert.equal(listed.sort(), Object.keys({ ...dependencies, ...devDependencies }).sort());
});

test('the published package needs no others, and the lock file no particular registry', () => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  assert.equal(manifest.dependencies ?? {}, {});
  assert.not.match(readFileSync(path.join(root, 'package-lock.json'), 'utf8'), '"resolved"');
});

test.run();
