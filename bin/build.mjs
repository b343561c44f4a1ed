// Bundles everything into dist/, so that the published package needs no dependencies when it is installed.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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

/**
 * What the code we use of our dependencies never reaches: Docker's BuildKit sessions, cosmiconfig's loader for TypeScript,
 * Ink's developer tools, zod's messages in other languages (a third of what every command would load).
 */
const UNREACHED = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
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
    // Native accelerators of ssh2, which tries them and goes on without.
    build.onResolve({ filter: /\.node$|^cpu-features$/ }, ({ path: name }) => ({
      path: name,
      external: true,
    }));
  },
};

/** The launchers load the bundle by this name, and only once they know that Node can read it. */
const mainByName = {
  name: 'main-by-name',
  setup(build) {
    build.onResolve({ filter: /\/src\/cli\/main\.ts$/ }, () => ({ path: './main.js', external: true }));
  },
};

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
  const isLauncher = (name) => name.startsWith('dstack');
  const built = readdirSync(from).sort((a, b) => Number(isLauncher(a)) - Number(isLauncher(b)));
  const chunksFirst = built.sort((a, b) => Number(b.startsWith('chunk-')) - Number(a.startsWith('chunk-')));
  for (const name of chunksFirst) renameSync(path.join(from, name), path.join(dist, name));

  // A process started before this build may still load an older chunk, so these go only after a while.
  const tenMinutesAgo = Date.now() - 10 * 60_000;
  for (const name of readdirSync(dist)) {
    const file = path.join(dist, name);
    if (!built.includes(name) && statSync(file).mtimeMs < tenMinutesAgo) rmSync(file, { force: true });
  }
}

const outdir = mkdtempSync(path.join(root, '.dist-'));
try {
  const [bundle] = await Promise.all([
    esbuild.build({
      ...shared,
      outdir,
      entryPoints: { main: 'src/cli/main.ts', watchdog: 'src/executor/watchdog-process.ts' },
      splitting: true,
      chunkNames: 'chunk-[name]-[hash]',
      target: 'node20',
      legalComments: 'none',
      define: { 'process.env.NODE_ENV': '"production"' },
      inject: ['bin/bundle-dirname.mjs'],
      // CommonJS packages inside an ES module still call `require` for Node's own modules.
      banner: {
        js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
      },
      plugins: [leaveOutUnreached],
    }),
    esbuild.build({
      ...shared,
      outdir,
      entryPoints: { dstack: 'bin/dstack.ts', 'dstack-runner': 'bin/dstack-runner.ts' },
      target: 'node10',
      supported: { 'dynamic-import': true },
      plugins: [mainByName],
    }),
  ]);
  for (const name of ['dstack.js', 'dstack-runner.js']) chmodSync(path.join(outdir, name), 0o755);
  writeFileSync(
    path.join(outdir, 'THIRD-PARTY-LICENSES.txt'),
    licencesOf(Object.keys(bundle.metafile.inputs), root),
  );
  publish(outdir);
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
