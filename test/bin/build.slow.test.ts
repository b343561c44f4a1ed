import { execFile, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

// Built in a copy, since the other tests run what is in dist/.
const build = suite<{ folder: string; dist: string }>('build');

build.before(async (context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'dstack-build-'));
  context.dist = path.join(context.folder, 'dist');
  for (const name of ['bin', 'src', 'package.json', 'tsconfig.json']) {
    cpSync(path.join(root, name), path.join(context.folder, name), { recursive: true });
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(context.folder, 'node_modules'));
  const run = () => promisify(execFile)(process.execPath, ['bin/build.mjs'], { cwd: context.folder });
  // At once, as two people with one folder may do it.
  await Promise.all([run(), run()]);
});
build.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

build(
  'nothing is left beside what was built, and whatever a file imports of it is there',
  ({ folder, dist }) => {
    assert.equal(
      readdirSync(folder).filter((name) => name.startsWith('.dist')),
      [],
    );
    const missing = readdirSync(dist)
      .filter((name) => /\.m?js$/.test(name))
      .flatMap((name) =>
        [
          ...readFileSync(path.join(dist, name), 'utf8').matchAll(
            /(?:from |import\(|importModule\(|require\()"(\.\/[^"]+\.m?js)"/g,
          ),
        ]
          .filter(([, imported = '']) => !existsSync(path.join(dist, imported)))
          .map(([, imported]) => `${name}: ${imported}`),
      );
    assert.equal(missing, []);
  },
);

for (const name of ['dstack.js', 'dstack-runner.js']) {
  build(`${name} tells an old Node in words, before it loads anything`, ({ folder, dist }) => {
    const alone = path.join(folder, name);
    cpSync(path.join(dist, name), alone);
    const old = path.join(folder, 'old.cjs');
    writeFileSync(
      old,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });",
    );
    const { status, stderr } = spawnSync(process.execPath, ['--require', old, alone], { encoding: 'utf8' });
    assert.is(status, 1);
    assert.match(stderr, 'dstack needs Node.js 20 or newer');
    assert.not.match(readFileSync(alone, 'utf8'), /^import\b/m);
  });
}

build('its version is told before anything else is loaded', ({ folder, dist }) => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const alone = path.join(folder, 'alone.cjs');
  cpSync(path.join(dist, 'dstack.js'), alone);
  for (const option of ['--version', '-V']) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [alone, option], { encoding: 'utf8' });
    assert.equal([status, stdout, stderr], [0, `${version}\n`, '']);
  }
  // What else there is to say is not for it.
  assert.is(spawnSync(process.execPath, [alone, '--version', 'x']).status, 1);
});

build(
  "a second start takes V8's code from the first, and does without if that is not whole",
  ({ folder, dist }) => {
    const caches = path.join(folder, 'caches');
    const start = () => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [path.join(dist, 'dstack.js'), 'schema'],
        {
          encoding: 'utf8',
          env: { ...process.env, XDG_CACHE_HOME: caches, NODE_DISABLE_COMPILE_CACHE: '' },
        },
      );
      assert.is(status, 0, stderr);
      assert.match(stdout, '"$schema"');
      const [build = ''] = readdirSync(path.join(caches, 'dstack', 'code'));
      return path.join(caches, 'dstack', 'code', build, 'schema');
    };
    const file = start();
    const kept = readFileSync(file);
    const { ino } = statSync(file);
    start();
    assert.is(statSync(file).ino, ino, 'it was written again');
    writeFileSync(file, kept.subarray(0, 1000));
    start();
    assert.ok(statSync(file).size > 1000);
  },
);

build('the licences of what is bundled come with it', ({ dist }) => {
  const text = readFileSync(path.join(dist, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  assert.match(text, /^yaml \d\S+ \(ISC\)\n\nCopyright Eemeli Aro/m);
  assert.match(text, /^zod \d\S+ \(MIT\)\n\nMIT License/m);
});

for (const name of ['watchdog', 'spawner']) {
  build(`the ${name} is a program of its own`, ({ dist }) => {
    const { status, stderr } = spawnSync(process.execPath, [path.join(dist, `${name}.mjs`)], { input: '' });
    assert.is(status, 0, String(stderr));
  });
}

build.run();
