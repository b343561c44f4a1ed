import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.join(import.meta.dirname, '../..');

const test = suite<{ folder: string; prefix: string; env: NodeJS.ProcessEnv }>('the package');

test.before((context) => {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'package-')));
  context.folder = folder;
  context.prefix = path.join(folder, 'prefix');
  const home = path.join(folder, 'home');
  for (const made of [home, context.prefix]) mkdirSync(made);
  const foreign = /^(GIT_|DSTACK_|XDG_|npm_|NODE_V8_COVERAGE$)/;
  context.env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
    HOME: home,
    PATH: `${context.prefix}/bin:${process.env.PATH}`,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ann',
    GIT_AUTHOR_EMAIL: 'ann@example.org',
    GIT_COMMITTER_NAME: 'Ann',
    GIT_COMMITTER_EMAIL: 'ann@example.org',
    // Nothing may be fetched: there is no registry at this address.
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_offline: 'true',
    npm_config_cache: path.join(folder, 'npm-cache'),
  };
  const npm = (...args: string[]) =>
    execFileSync('npm', args, {
      cwd: root,
      env: context.env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  // What is in dist/ now, as `npm run package` packs it after it has built it.
  npm('pack', '--ignore-scripts', '--pack-destination', folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  assert.ok(tarball);
  npm('install', '--global', '--prefix', context.prefix, path.join(folder, tarball));
});
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const installed = (prefix: string) => path.join(prefix, 'lib/node_modules/dstack');

test('holds what is needed, and nothing else', ({ prefix }) => {
  assert.equal(readdirSync(installed(prefix)).sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist',
    'hooks',
    'package.json',
  ]);
  assert.equal(readdirSync(path.join(installed(prefix), 'hooks')).sort(), [
    'README.md',
    'post-receive',
    'pre-receive',
  ]);
  const manifest = JSON.parse(readFileSync(path.join(installed(prefix), 'package.json'), 'utf8'));
  assert.is(manifest.dependencies, undefined);
  for (const name of readdirSync(path.join(installed(prefix), 'dist')))
    assert.match(
      name,
      /^((chunk-.*|dstack|dstack-runner|main|page)\.js|(chunk-.*|spawner|watchdog)\.mjs|package\.json|page\.css|THIRD-PARTY-LICENSES\.txt)$/,
    );
});

test('what package.json says that it packs is what `npm run package` does', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  assert.match(scripts.package, /rm -rf dist && npm run build && npm pack/);
});

test('both programs start, and say which version they are of', ({ env }) => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  assert.is(execFileSync('dstack', ['--version'], { env, encoding: 'utf8' }), `${version}\n`);
  const help = execFileSync('dstack-runner', ['--help'], { env, encoding: 'utf8' });
  assert.match(help, /--concurrency <number>/);
});

test('one job from end to end, locally, and another by a runner', ({ folder, env }) => {
  const cwd = path.join(folder, 'project');
  mkdirSync(cwd);
  const run = (command: string, ...args: string[]) => {
    const result = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
    assert.is(result.status, 0, `${command} ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  run('git', 'init', '--quiet');
  run('dstack', 'init', '--create', '../shared.git');
  assert.match(run('dstack', 'run', 'hello', '--local', '--who', 'all'), /^Hello, all, from /);
  const name = run('dstack', 'run', 'hello', '-d').trim();
  run('dstack-runner', '--drain', '--executor', 'process');
  run('dstack', 'artifacts', 'download', name, '-o', 'results');
  assert.is(readFileSync(path.join(cwd, 'results/output/greeting.txt'), 'utf8'), 'Hello, world\n');
  assert.ok(existsSync(path.join(folder, 'shared.git/hooks/post-receive')));
});

test('an old Node is told in words', ({ folder, prefix, env }) => {
  const old = path.join(folder, 'old.cjs');
  writeFileSync(
    old,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });",
  );
  for (const name of ['dstack', 'dstack-runner']) {
    const program = path.join(prefix, 'bin', name);
    const { status, stderr } = spawnSync(process.execPath, ['--require', old, program], {
      env,
      encoding: 'utf8',
    });
    assert.is(status, 1);
    assert.match(stderr, 'dstack needs Node.js 20 or newer');
  }
});

test.run();
