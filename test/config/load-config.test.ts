import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadConfig } from '../../src/config/load-config.ts';
import { allSettings, type ConfigInput, variableOf } from '../../src/config/settings.ts';
import { DstackError } from '../../src/errors.ts';

/** A project (the top of a repository) with a folder in it, and a home. */
interface Context {
  root: string;
  project: string;
  inner: string;
  home: string;
}
const config = suite<Context>('config');

config.before.each((context) => {
  context.root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'dstack-config-')));
  context.project = path.join(context.root, 'project');
  context.inner = path.join(context.project, 'a', 'b');
  context.home = path.join(context.root, 'home');
  mkdirSync(context.inner, { recursive: true });
  mkdirSync(path.join(context.project, '.git'));
  mkdirSync(path.join(context.home, '.config', 'dstack'), { recursive: true });
});
config.after.each(({ root }) => rmSync(root, { recursive: true, force: true }));

const load = ({ inner, home }: Context, env: NodeJS.ProcessEnv = {}, overrides: ConfigInput = {}) =>
  loadConfig({ cwd: inner, env, overrides, home });

async function failure(promise: Promise<unknown>): Promise<DstackError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DstackError)) throw error ?? new Error('it did not fail');
  return error;
}

config('with nothing configured there are defaults, durations in milliseconds', async (context) => {
  const { config, sources } = await load(context);
  assert.equal(config, {
    refPrefix: 'refs/dstack',
    runner: {
      concurrency: 1,
      lease: 60_000,
      poll: 2_000,
      grace: 10_000,
      inputCache: 20 * 1024 ** 3,
      setupCache: 20 * 1024 ** 3,
      interruptible: false,
      labels: {},
      allow: { mounts: [], network: [], capabilities: [] },
      secrets: {},
    },
    host: {},
    snapshot: { allowLarge: false, allowSecrets: [] },
  });
  assert.is(sources['runner.lease'], 'default');
});

config('the nearest file wins, key by key, and the user-wide one comes last', async (context) => {
  const { project, inner, home } = context;
  writeFileSync(path.join(home, '.config/dstack/config.yaml'), 'remote: u\nrunner: {name: mine, poll: 9s}\n');
  writeFileSync(path.join(project, '.dstackrc'), 'remote: p\nrunner: {lease: 30s, poll: 5s}\n');
  writeFileSync(path.join(inner, '.dstackrc.yaml'), 'runner:\n  lease: 20s\n');
  const { config, sources } = await load(context);
  assert.is(config.remote, 'p');
  assert.is(config.runner.lease, 20_000);
  assert.is(config.runner.poll, 5_000);
  assert.is(config.runner.name, 'mine');
  assert.is(sources['runner.lease'], `${inner}/.dstackrc.yaml:2:10`);
  assert.is(sources['runner.name'], `${home}/.config/dstack/config.yaml:2:16`);
});

config('all places in one folder are read: YAML, JSON, package.json', async (context) => {
  const { project } = context;
  writeFileSync(path.join(project, '.dstackrc'), '{"remote": "one"}');
  writeFileSync(path.join(project, '.dstackrc.yaml'), 'remote: two\nstore: /two\n');
  writeFileSync(
    path.join(project, '.dstackrc.json'),
    '{\n\t"store": "/three",\n\t"runner": {"concurrency": 3}\n}',
  );
  writeFileSync(
    path.join(project, 'package.json'),
    '{"name": "dstack", "dstack": {"runner": {"concurrency": 4, "name": "four"}}}',
  );
  const { config } = await load(context);
  assert.equal(
    [config.remote, config.store, config.runner.concurrency, config.runner.name],
    ['one', '/two', 3, 'four'],
  );
});

config('$XDG_CONFIG_HOME moves the user-wide file; a relative one is ignored', async (context) => {
  const xdg = path.join(context.root, 'xdg');
  mkdirSync(path.join(xdg, 'dstack'), { recursive: true });
  writeFileSync(path.join(xdg, 'dstack/config.yaml'), 'remote: x\n');
  assert.is((await load(context, { XDG_CONFIG_HOME: xdg })).config.remote, 'x');
  assert.is((await load(context, { XDG_CONFIG_HOME: 'xdg' })).config.remote, undefined);
});

config(
  'nothing is read above the top of the repository, nor above a folder outside of any',
  async (context) => {
    writeFileSync(path.join(context.root, '.dstackrc'), 'remote: above\n');
    assert.is((await load(context)).config.remote, undefined);
    rmSync(path.join(context.project, '.git'), { recursive: true });
    writeFileSync(path.join(context.inner, '.dstackrc'), 'runner: {name: here}\n');
    const { config } = await load(context);
    assert.equal([config.remote, config.runner.name], [undefined, 'here']);
  },
);

config('a variable wins over files and an option over both, for every setting', async (context) => {
  writeFileSync(path.join(context.project, '.dstackrc'), 'runner: {lease: 30s}\n');
  const env = {
    DSTACK_REMOTE: 'e',
    DSTACK_STORE: '/e',
    DSTACK_HOST_REWIND: 'true',
    DSTACK_HOST_DELETE: 'false',
    DSTACK_REF_PREFIX: 'refs/heads/dstack/',
    DSTACK_RUNNER_NAME: '1',
    DSTACK_RUNNER_EXECUTOR: 'process',
    DSTACK_RUNNER_ADDRESS: '10.0.0.7',
    DSTACK_RUNNER_CONCURRENCY: '2',
    DSTACK_RUNNER_LEASE: '4s',
    DSTACK_RUNNER_POLL: '100ms',
    DSTACK_RUNNER_GRACE: '1m',
    DSTACK_RUNNER_INPUT_CACHE: '0',
    DSTACK_RUNNER_SETUP_CACHE: '1GB',
    DSTACK_RUNNER_INTERRUPTIBLE: 'true',
    DSTACK_RUNNER_LABELS: '{gpu: a100, disk: 2}',
    DSTACK_RUNNER_ALLOW: "{mounts: [/data/, '/scratch:rw'], capabilities: [CAP_SYS_PTRACE]}",
    DSTACK_RUNNER_ON_END: '[tell, "#team"]',
    DSTACK_RUNNER_SECRETS: '{HF_TOKEN: {env: HF}, B: {command: [pass, show, b], workflows: [train]}}',
    DSTACK_SNAPSHOT_ALLOW_LARGE: 'true',
    DSTACK_SNAPSHOT_ALLOW_SECRETS: '[.env.example]',
  };
  assert.equal(
    allSettings()
      .map(({ path }) => variableOf(path))
      .sort(),
    Object.keys(env).sort(),
  );
  const { config, sources } = await load(context, env, {
    remote: 'o',
    runner: { lease: '5s', name: undefined },
  });
  assert.equal(config, {
    remote: 'o',
    store: '/e',
    refPrefix: 'refs/heads/dstack',
    host: { rewind: true, delete: false },
    runner: {
      name: '1',
      executor: 'process',
      address: '10.0.0.7',
      concurrency: 2,
      lease: 5_000,
      poll: 100,
      grace: 60_000,
      inputCache: 0,
      setupCache: 2 ** 30,
      interruptible: true,
      labels: { gpu: 'a100', disk: '2' },
      allow: {
        mounts: [
          { path: '/data', writable: false },
          { path: '/scratch', writable: true },
        ],
        network: [],
        capabilities: ['SYS_PTRACE'],
      },
      onEnd: ['tell', '#team'],
      secrets: {
        HF_TOKEN: { env: 'HF' },
        B: { command: ['pass', 'show', 'b'], workflows: ['train'] },
      },
    },
    snapshot: { allowLarge: true, allowSecrets: ['.env.example'] },
  });
  assert.is(sources.remote, 'option');
  assert.is(sources.store, 'DSTACK_STORE');
});

config("what containers may have is a machine's own business, and no relative path", async (context) => {
  writeFileSync(path.join(context.project, '.dstackrc'), 'runner:\n  allow: {mounts: [/]}\n');
  const inProject = await failure(load(context));
  assert.match(inProject.message, /:2:10: runner\.allow can't stand in a project/);
  rmSync(path.join(context.project, '.dstackrc'));
  const wrong = ['{mounts: [data]}', '{mounts: ["/data/../etc"]}', '{mounts: ["/a:b"]}', '{mounts: /data}'];
  for (const value of [...wrong, '{network: [none]}', '{capabilities: [all]}', '{privileged: true}', '[]']) {
    const { message } = await failure(load(context, { DSTACK_RUNNER_ALLOW: value }));
    assert.match(
      message,
      /^DSTACK_RUNNER_ALLOW: runner\.allow must be a map of what containers may have/,
      value,
    );
  }
});

config('what is called at the end of a job is a machine’s own business, and a list', async (context) => {
  writeFileSync(path.join(context.project, '.dstackrc'), 'runner:\n  onEnd: [rm, -rf, /]\n');
  const inProject = await failure(load(context));
  assert.match(inProject.message, /:2:10: runner\.onEnd can't stand in a project/);
  rmSync(path.join(context.project, '.dstackrc'));
  for (const value of ['notify-send over', '[]', '{a: b}', '[a, {b: c}]', '[1]']) {
    const { message } = await failure(load(context, { DSTACK_RUNNER_ON_END: value }));
    assert.match(message, /^DSTACK_RUNNER_ON_END: runner\.onEnd must be a list of a program/, value);
  }
  // A program's place is where it was written, or what PATH says.
  const file = path.join(context.home, '.config/dstack/config.yaml');
  for (const [written, meant] of [
    ['[./tell, ./a]', [`${context.home}/.config/dstack/tell`, './a']],
    ['[tell]', ['tell']],
  ] as const) {
    writeFileSync(file, `runner:\n  onEnd: ${written}\n`);
    assert.equal((await load(context)).config.runner.onEnd, meant);
  }
});

config('sizes are in bytes, each unit 1024 times the one before', async (context) => {
  const inputCacheOf = async (size: string) =>
    (await load(context, { DSTACK_RUNNER_INPUT_CACHE: size })).config.runner.inputCache;
  assert.equal(await Promise.all(['1.5GB', '300 mb', '0'].map(inputCacheOf)), [
    1.5 * 2 ** 30,
    300 * 2 ** 20,
    0,
  ]);
});

config('variables that are no settings, or are empty, do not matter', async (context) => {
  const env = { DSTACK_RUNNER: 'x', DSTACK_ATTEMPT: '2', DSTACK_RUNNER_LEASE: '', DSTACK_SNAPSHOT: '1' };
  assert.is((await load(context, env)).config.runner.lease, 60_000);
});

config('a relative path starts from where it is written', async (context) => {
  const { project, inner, root, home } = context;
  writeFileSync(path.join(project, '.dstackrc'), 'store: file:../store\nremote: ../shared.git\n');
  const fromFile = (await load(context)).config;
  assert.equal([fromFile.store, fromFile.remote], [`file:${root}/store`, `${root}/shared.git`]);
  const fromVariables = (await load(context, { DSTACK_STORE: 's', DSTACK_REMOTE: './r.git' })).config;
  assert.equal([fromVariables.store, fromVariables.remote], [`${inner}/s`, `${inner}/r.git`]);
  assert.is((await load(context, { DSTACK_STORE: '~/s' })).config.store, `${home}/s`);
  for (const store of ['s3://bucket/a?region=x', 'file:///a%20b', 'file:/a']) {
    assert.is((await load(context, { DSTACK_STORE: store })).config.store, store);
  }
  for (const remote of ['origin', 'git@host:a.git', '/a.git', 'https://host/a.git']) {
    assert.is((await load(context, { DSTACK_REMOTE: remote })).config.remote, remote);
  }
});

const wrong: [string, RegExp, RegExp?][] = [
  ['runner:\n  lease: 60\n', /\.dstackrc:2:10: runner\.lease must be a duration with its unit, .*not 60$/],
  ['runner: {lease: 0s}', /runner\.lease must be/],
  ['runner: {lease: 60d}', /at most 24d/],
  ['runner: {concurrency: 0}', /a whole number/],
  ['runner: {inputCache: 20}', /runner\.inputCache must be a size with its unit, .* or 0 for none, not 20$/],
  ['runner: {inputCache: -1GB}', /a size with its unit/],
  ['runner: {executor: podman}', /docker or process, not "podman"/],
  ['runner: {labels: [a]}', /a map of labels/],
  ['remote:\n', /remote must be .*, not nothing/],
  ['remote: --upload-pack=x', /remote must be/],
  ['remote: "a\\nb"', /remote must be/],
  ['refPrefix: dstack', /a ref prefix/],
  ['host: {rewind: maybe}', /host\.rewind must be true or false/],
  ['host: {deletes: false}', /no setting host\.deletes/],
  ['refPrefix: refs/heads', /a ref prefix/],
  ['refPrefix: refs/a..b', /a ref prefix/],
  ['refPrefix: refs/a.lock', /a ref prefix/],
  ['runner:\n  labels: {}\n  conc: 1\n', /\.dstackrc:3:3: there is no setting runner\.conc$/, /concurrency/],
  ['ref-prefix: refs/a', /no setting ref-prefix; did you mean refPrefix\?$/],
  ['lease: 3s', /no setting lease; did you mean runner\.lease\?$/],
  ['$import: /etc/passwd', /no setting \$import$/],
  ['__proto__: {remote: x}', /no setting __proto__$/],
  ['"a\\u001b[31m": 1', /no setting a\\x1b\[31m$/],
  ['- a', /must be a map of settings/],
  ['runner: 3', /runner must be a map of settings/],
  ['remote: a\nremote: b\n', /\.dstackrc:2:1: /],
  ['remote: [a', /\.dstackrc:1:\d+: /],
];
for (const [text, message, hint] of wrong) {
  config(`wrong, and said where: ${JSON.stringify(text)}`, async (context) => {
    writeFileSync(path.join(context.project, '.dstackrc'), text);
    const error = await failure(load(context));
    assert.is(error.code, 'bad-config');
    assert.is(error.exitCode, 2);
    assert.match(error.message, message);
    if (hint) assert.match(error.hint ?? '', hint);
  });
}

config("secrets come from the user's own file, and paths in it start there", async (context) => {
  const { home } = context;
  const text =
    'runner:\n  secrets:\n    A: {file: a.txt}\n    B: {file: ~/b}\n    C: {file: /c, repositories: [x]}\n';
  writeFileSync(path.join(home, '.config/dstack/config.yaml'), text);
  assert.equal((await load(context)).config.runner.secrets, {
    A: { file: `${home}/.config/dstack/a.txt` },
    B: { file: `${home}/b` },
    C: { file: '/c', repositories: ['x'] },
  });
});

config("a project can't say where secrets are", async (context) => {
  const { project, home } = context;
  const files = {
    '.dstackrc': 'runner:\n  secrets: {}\n',
    'package.json': '{"dstack": {"runner": {\n "secrets": {"A": {"file": "~/.ssh/id_ed25519"}}}}}',
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(project, name), text);
    const error = await failure(load(context));
    assert.match(error.message, new RegExp(`${name}:2:\\d+: runner.secrets can't stand in a project`));
    assert.match(error.hint ?? '', `${home}/.config/dstack/config.yaml`);
    rmSync(path.join(project, name));
  }
});

config('a secret that somebody has put in the place of its source is not repeated', async (context) => {
  const file = path.join(context.home, '.config/dstack/config.yaml');
  for (const source of [
    'hunter22',
    '{value: hunter22}',
    '{env: hunter-22}',
    '[hunter22]',
    '{env: A, file: hunter22}',
  ]) {
    writeFileSync(file, `runner:\n  secrets:\n    HF_TOKEN: ${source}\n`);
    const error = await failure(load(context));
    assert.match(error.message, /runner\.secrets must be a map of names to .*; HF_TOKEN is something else$/);
    assert.not.match(error.message, /hunter/);
    assert.not.match(error.hint ?? '', /hunter/);
  }
});

config('a wrong variable or option is named', async (context) => {
  const byVariable = await failure(load(context, { DSTACK_RUNNER_LEASE: '5' }));
  assert.match(byVariable.message, /^DSTACK_RUNNER_LEASE: runner\.lease must be a duration/);
  const byOption = await failure(load(context, {}, { runner: { poll: 'often' } }));
  assert.match(byOption.message, /^option: runner\.poll must be a duration/);
});

config('empty files and groups are no configuration', async (context) => {
  writeFileSync(path.join(context.project, '.dstackrc'), '# nothing\n');
  writeFileSync(path.join(context.inner, '.dstackrc'), '');
  writeFileSync(path.join(context.project, '.dstackrc.yaml'), 'runner:\n  # lease: 3s\n');
  assert.is((await load(context)).config.runner.lease, 60_000);
});

config('a package.json that is broken or not about dstack is not our business', async (context) => {
  writeFileSync(path.join(context.project, 'package.json'), '{"name": ');
  writeFileSync(
    path.join(context.inner, 'package.json'),
    '{"devDependencies": {"dstack": "1", "a": "1"}, "a": 1, "a": 2}',
  );
  assert.is((await load(context)).config.remote, undefined);
});

config('what is not a file is said, and not waited for', async (context) => {
  execFileSync('mkfifo', [path.join(context.project, '.dstackrc')]);
  const error = await failure(load(context));
  assert.is(error.code, 'unreadable-config');
  assert.match(error.message, '.dstackrc');
});

config('no code is run: not of a configuration, nor of the current folder', async (context) => {
  const { project, root } = context;
  const evil = `require('node:fs').writeFileSync(${JSON.stringify(path.join(root, 'ran'))}, '')`;
  mkdirSync(path.join(project, '.config'));
  for (const name of ['.dstackrc.js', '.dstackrc.cjs', 'dstack.config.js', 'dstack.config.cjs']) {
    writeFileSync(path.join(project, name), evil);
  }
  writeFileSync(path.join(project, '.config/config.cjs'), evil);
  writeFileSync(path.join(project, '.config/config.js'), evil);
  writeFileSync(path.join(project, '.config/dstackrc.cjs'), evil);
  const script = path.join(root, 'load.ts');
  const module = path.resolve('src/config/load-config.ts');
  writeFileSync(
    script,
    `import { loadConfig } from ${JSON.stringify(module)};
     loadConfig({ cwd: process.cwd(), env: {}, home: '/nowhere' }).then(({ config }) => console.log(config.refPrefix));`,
  );
  const tsx = path.resolve('node_modules/tsx/dist/loader.mjs');
  const output = execFileSync(process.execPath, ['--import', tsx, script], {
    cwd: project,
    encoding: 'utf8',
  });
  assert.is(output.trim(), 'refs/dstack');
  assert.is(existsSync(path.join(root, 'ran')), false);
});

config('the example can be read, and sets every setting there is', async (context) => {
  const example = readFileSync('.dstackrc.example', 'utf8');
  writeFileSync(path.join(context.project, '.dstackrc'), example);
  const { sources } = await load(context);
  const unset = Object.entries(sources).filter(([, source]) => !source.startsWith(context.project));
  // What a project may not set stands there as a comment, for one's own file.
  assert.equal(unset, [
    ['runner.allow', 'default'],
    ['runner.onEnd', 'default'],
    ['runner.secrets', 'default'],
  ]);
  writeFileSync(
    path.join(context.home, '.config/dstack/config.yaml'),
    example.replace(/^( *)# (?=(?:secrets|allow|onEnd):| {2}[\w]+: [[{])/gm, '$1'),
  );
  rmSync(path.join(context.project, '.dstackrc'));
  const { config } = await load(context);
  assert.equal(Object.keys(config.runner.secrets), ['HF_TOKEN', 'WANDB_API_KEY', 'DB_PASSWORD']);
  assert.equal(config.runner.onEnd, [`${context.home}/bin/tell-the-team`, '#training']);
  assert.equal(config.runner.allow, {
    mounts: [
      { path: '/data', writable: false },
      { path: '/scratch', writable: true },
    ],
    network: ['host'],
    capabilities: ['SYS_PTRACE'],
  });
});

config.run();
