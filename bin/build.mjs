// Bundles everything into dist/, so that the published package needs no dependencies when it is installed.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { licencesOf } from './licences.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, 'dist');
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

/**
 * What the code we use of our dependencies never reaches: Docker's BuildKit sessions and its ssh, cosmiconfig's loader for TypeScript,
 * Ink's developer tools, zod's messages in other languages (a third of what every command would load).
 */
const UNREACHED = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  'ssh2',
  'typescript',
  './devtools.js',
  '../locales/index.js',
];

const leaveOutUnreached = {
  name: 'leave-out-unreached',
  setup(build) {
    const names = new RegExp(`^(${UNREACHED.join('|').replaceAll('.', '\\.')})$`);
    build.onResolve({ filter: names }, ({ path: name }) => ({ path: name, namespace: 'unreached' }));
    build.onLoad({ filter: /.*/, namespace: 'unreached' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * What costs 35 ms when string-width is loaded, and nothing before a text is measured that isn't narrow, is made then; and
 * packages that use it get what measures the others.
 */
const widthsWhenUsed = {
  name: 'widths-when-used',
  setup(build) {
    const own = path.join(root, 'src/tui/cell-width.ts');
    const late = [
      ['const segmenter = new Intl.Segmenter();', 'segmenter', 'segment', 'new Intl.Segmenter()'],
      [
        'const rgiEmojiRegex = /^\\p{RGI_Emoji}$/v;',
        'rgiEmojiRegex',
        'test',
        "new RegExp('^\\\\p{RGI_Emoji}$', 'v')",
      ],
    ];
    build.onResolve({ filter: /^string-width$/ }, ({ importer }) =>
      importer === own ? undefined : { path: own },
    );
    build.onLoad({ filter: /node_modules\/string-width\/index\.js$/ }, ({ path: file }) => {
      let contents = readFileSync(file, 'utf8');
      for (const [line, name, method, made] of late) {
        if (!contents.includes(line)) throw new Error(`string-width has changed: it lacks ${line}`);
        contents = contents.replace(
          line,
          () =>
            `let made_${name}; const ${name} = { ${method}: (text) => (made_${name} ??= ${made}).${method}(text) };`,
        );
      }
      return { contents };
    });
  },
};

/** Yoga's WebAssembly, which it has in itself, isn't fetched but decoded: to make its `fetch` ready takes Node 30 ms. */
const withoutFetch = {
  name: 'without-fetch',
  setup(build) {
    build.onLoad({ filter: /yoga-layout\/dist\/binaries\/yoga-wasm-base64-esm\.js$/ }, ({ path: file }) => ({
      contents: `const fetch = undefined;\n${readFileSync(file, 'utf8')}`,
    }));
  },
};

/** A module that is a file of its own beside what imports it. */
const byName = (filter, name) => ({
  name: 'by-name',
  setup(build) {
    build.onResolve({ filter }, () => ({ path: `./${name}`, external: true }));
  },
});

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  metafile: true,
  logLevel: 'error',
};

/** Moves the new files over the old ones one by one, what is imported before what imports it: no reader sees half a build. */
function publish(from) {
  mkdirSync(dist, { recursive: true });
  const order = [/^chunk-/, /^(?!dstack)/, /^dstack/];
  const rank = (name) => order.findIndex((kind) => kind.test(name));
  const built = readdirSync(from).sort((a, b) => rank(a) - rank(b));
  for (const name of built) renameSync(path.join(from, name), path.join(dist, name));

  // A process started before this build may still load an older chunk, so these go only after a while.
  const tenMinutesAgo = Date.now() - 10 * 60_000;
  for (const name of readdirSync(dist)) {
    const file = path.join(dist, name);
    if (!built.includes(name) && statSync(file).mtimeMs < tenMinutesAgo) rmSync(file, { force: true });
  }
}

const node20 = {
  ...shared,
  target: 'node20',
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
  splitting: true,
  chunkNames: 'chunk-[name]-[hash]',
  // Its ES modules, which Node isn't offered: of CommonJS nothing can be left out.
  alias: { yaml: path.join(root, 'node_modules/yaml/browser/dist/index.js') },
  plugins: [leaveOutUnreached, widthsWhenUsed, withoutFetch],
};

/** What is loaded as ES modules: Ink, which waits at the top of a module, and what is a program of its own. */
function buildModules() {
  return esbuild.build({
    ...node20,
    outdir,
    entryPoints: {
      'chunk-screen': 'src/tui/screens.ts',
      watchdog: 'src/executor/watchdog-process.ts',
      spawner: 'src/executor/spawner-process.ts',
    },
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    inject: ['bin/bundle-dirname.mjs'],
    // CommonJS packages inside an ES module still call `require` for Node's own modules.
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  });
}

/**
 * Everything else, as functions that bin/load-bundle.ts calls as Node does those of CommonJS, and for which V8 can keep
 * what it has compiled: of an ES module it can't before Node 22. A command's own files are loaded only when it runs.
 */
async function buildScripts(screen) {
  const built = await esbuild.build({
    ...node20,
    outdir,
    write: false,
    entryPoints: { 'chunk-main': 'src/cli/main.ts' },
    entryNames: '[name]-[hash]',
    plugins: [byName(/\/screens\.ts$/, screen), ...node20.plugins],
  });
  for (const { path: file, text } of built.outputFiles) {
    const { code } = await esbuild.transform(
      text
        .replaceAll(`import("./${screen}")`, `importModule("./${screen}")`)
        .replaceAll('import.meta.url', 'moduleUrl()'),
      {
        format: 'cjs',
        target: 'node20',
        supported: { 'dynamic-import': false },
        // Strict as ES modules are.
        banner:
          "(function (exports, require, module, __filename, __dirname, moduleUrl, importModule) { 'use strict';",
        footer: '})',
      },
    );
    // esbuild has left other characters in comments and regular expressions only, where this means the same.
    const ascii = code.replace(
      /[^\0-\x7f]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    writeFileSync(file, ascii);
  }
  const isEntry = ([, { entryPoint }]) => entryPoint === 'src/cli/main.ts';
  const [entry] = Object.entries(built.metafile.outputs).find(isEntry);
  return { metafile: built.metafile, entry: path.basename(entry) };
}

/** The packages that the page uses. */
const PAGE_PACKAGES = /^(preact(\/.+)?|uplot(\/.+)?|anser|papaparse|bytes|string-width)$/;

/**
 * The page shares files with the rest of dstack, of which it uses the part that needs neither Node nor Git. No module of ours
 * does anything by being imported: what is not used of it is left out with all that it needs.
 */
const leaveOutForPage = {
  name: 'leave-out-for-page',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\/.*\.tsx?$/ }, ({ path: name, resolveDir }) => ({
      path: path.resolve(resolveDir, name),
      sideEffects: false,
    }));
    build.onResolve({ filter: /^[^./]/ }, ({ path: name, importer }) =>
      importer.includes('node_modules') || PAGE_PACKAGES.test(name)
        ? undefined
        : { path: name, namespace: 'unreached', sideEffects: false },
    );
    build.onLoad({ filter: /.*/, namespace: 'unreached' }, () => ({ contents: '' }));
  },
};

/** The page of `dstack ui`, as one script that a browser also takes from a folder. */
async function buildPage() {
  const built = await esbuild.build({
    absWorkingDir: root,
    bundle: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    minify: true,
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    logOverride: { 'import-is-undefined': 'silent' },
    outdir,
    entryPoints: { page: 'src/web/page/main.tsx' },
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [leaveOutForPage],
  });
  const [, { inputs }] = Object.entries(built.metafile.outputs).find(([name]) => name.endsWith('.js'));
  const wrong = Object.keys(inputs).filter(
    (name) => inputs[name].bytesInOutput > 0 && /^(unreached:|src\/(git|store|runner)\/)/.test(name),
  );
  if (wrong.length > 0) throw new Error(`the page can't have what needs Node: ${wrong.join(', ')}`);
  return built.metafile;
}

/** A hash of the names and contents of all that was built so far. */
function buildId() {
  const hash = createHash('sha256');
  for (const name of readdirSync(outdir).sort())
    hash.update(name).update(readFileSync(path.join(outdir, name)));
  return hash.digest('hex').slice(0, 12);
}

const outdir = mkdtempSync(path.join(root, '.dist-'));
try {
  const modules = await buildModules();
  // Under a name of its content's, so that an older process finds the one that it knows.
  const screen = `chunk-screen-${buildId()}.mjs`;
  renameSync(path.join(outdir, 'chunk-screen.mjs'), path.join(outdir, screen));
  const scripts = await buildScripts(screen);
  const page = await buildPage();
  await Promise.all([
    esbuild.build({
      ...node20,
      format: 'cjs',
      splitting: false,
      outdir,
      entryPoints: { main: 'bin/load-bundle.ts' },
      define: { buildId: JSON.stringify(buildId()), entryName: JSON.stringify(`./${scripts.entry}`) },
    }),
    esbuild.build({
      ...shared,
      format: 'cjs',
      outdir,
      entryPoints: { dstack: 'bin/dstack.ts', 'dstack-runner': 'bin/dstack-runner.ts' },
      target: 'node10',
      define: { builtVersion: JSON.stringify(version) },
      supported: { 'dynamic-import': false },
      // Loaded only once they know that Node can read it.
      plugins: [byName(/\/src\/cli\/main\.ts$/, 'main.js')],
    }),
  ]);
  // Node takes longer to begin with an ES module.
  writeFileSync(path.join(outdir, 'package.json'), '{ "type": "commonjs" }\n');
  for (const name of ['dstack.js', 'dstack-runner.js']) chmodSync(path.join(outdir, name), 0o755);
  const inputs = [modules.metafile, scripts.metafile, page].flatMap((metafile) =>
    Object.keys(metafile.inputs),
  );
  writeFileSync(path.join(outdir, 'THIRD-PARTY-LICENSES.txt'), licencesOf(inputs, root));
  publish(outdir);
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
