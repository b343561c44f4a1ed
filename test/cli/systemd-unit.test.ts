import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { unitEnvironment } from '../../src/cli/runner-unit.ts';
import { isLineOfUnit, isWordOfUnit, systemdUnit, type UnitOptions } from '../../src/cli/systemd-unit.ts';

const options: UnitOptions = {
  scope: 'system',
  description: 'dstack runner gpu-1',
  command: ['/opt/my node/bin/node', '/opt/dstack/dist/dstack.js', 'runner', 'start', '--name=gpu-1'],
  directory: '/srv/project',
  environmentFile: '/home/ann/.config/dstack/runner.env',
  environment: { PATH: '/usr/bin:/bin' },
  user: 'ann',
  stopSeconds: 90,
  finishesFirst: true,
  onlyContainers: false,
};

const lineOf = (text: string, key: string) => text.split('\n').find((line) => line.startsWith(`${key}=`));

test('a runner as a unit of the machine', () => {
  const text = systemdUnit(options);
  assert.is(lineOf(text, 'User'), 'User=ann');
  assert.is(lineOf(text, 'WorkingDirectory'), 'WorkingDirectory=/srv/project');
  assert.is(
    lineOf(text, 'ExecStart'),
    'ExecStart="/opt/my node/bin/node" /opt/dstack/dist/dstack.js runner start --name=gpu-1',
  );
  assert.is(lineOf(text, 'WantedBy'), 'WantedBy=multi-user.target');
  assert.match(lineOf(text, 'ExecStop') ?? '', /kill -TERM/);
  // One that gives back at once is told so once: a second signal would cut that short.
  assert.is(lineOf(systemdUnit({ ...options, finishesFirst: false }), 'ExecStop'), undefined);
  assert.is(lineOf(text, 'ProtectSystem'), undefined);
  assert.match(systemdUnit({ ...options, onlyContainers: true }), /^ProtectSystem=full$/m);
});

test("one of a user's own manager names no user, and nothing that only the machine's has", () => {
  const text = systemdUnit({ ...options, scope: 'user', onlyContainers: true });
  assert.is(lineOf(text, 'User'), undefined);
  assert.is(lineOf(text, 'ProtectSystem'), undefined);
  assert.not.match(text, /network-online/);
  assert.is(lineOf(text, 'WantedBy'), 'WantedBy=default.target');
});

test('what means something to systemd is taken as it stands', () => {
  const text = systemdUnit({
    ...options,
    directory: '/srv/100%/my project',
    environment: { DSTACK_REMOTE: 'a "b" \\ $c %d' },
    command: ['/opt/$x/node', '/opt/d%.js', '--label=a=$HOME "q" \\ 100%'],
  });
  assert.is(lineOf(text, 'WorkingDirectory'), 'WorkingDirectory=/srv/100%%/my project');
  assert.is(lineOf(text, 'Environment'), 'Environment="DSTACK_REMOTE=a \\"b\\" \\\\ $c %%d"');
  assert.is(
    lineOf(text, 'ExecStart'),
    'ExecStart="/opt/$x/node" /opt/d%%.js "--label=a=$$HOME \\"q\\" \\\\ 100%%"',
  );
});

test("what is no line of its own can't be in a unit", () => {
  for (const bad of ['a\nb', 'a\\', ' a', 'a ', '\x1b[0m'])
    assert.not.ok(isLineOfUnit(bad), JSON.stringify(bad));
  for (const good of ['/srv/a b', 'C:\\x', 'ä']) assert.ok(isLineOfUnit(good));
  assert.ok(isWordOfUnit(' a\\'));
  assert.not.ok(isWordOfUnit('a\nb'));
});

test('a unit has of an environment what a runner needs, and no secret', () => {
  const { environment, leftOut } = unitEnvironment(
    {
      PATH: '/usr/bin:.:node_modules/.bin:/bin:/usr/bin',
      DOCKER_HOST: 'unix:///run/user/1000/docker.sock',
      DSTACK_RUNNER_LEASE: '30s',
      DSTACK_REMOTE: 'https://ann:token@host/repo.git',
      DSTACK_ATTEMPT: '1',
      AWS_SECRET_ACCESS_KEY: 'x',
      HF: 'y',
      EDITOR: 'vi',
    },
    { runner: { secrets: { HF_TOKEN: { env: 'HF' } } } },
  );
  assert.equal(environment, {
    PATH: '/usr/bin:/bin',
    DOCKER_HOST: 'unix:///run/user/1000/docker.sock',
    DSTACK_RUNNER_LEASE: '30s',
  });
  assert.equal(leftOut, ['DSTACK_REMOTE', 'AWS_SECRET_ACCESS_KEY', 'HF']);
});

test.run();
