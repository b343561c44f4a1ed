import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sourceOf } from '../../src/executor/image-name.ts';
import { loginFor } from '../../src/executor/registry-login.ts';
import { removeFolders, temporaryFolder } from './support.ts';

test.after.each(removeFolders);
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What the daemon would read. */
async function loginBy(config: unknown, image: string, more: NodeJS.ProcessEnv = {}) {
  const folder = temporaryFolder();
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  writeFileSync(path.join(folder, 'config.json'), text);
  const { auth, problem } = await loginFor(image, { DOCKER_CONFIG: folder, ...more });
  const { base64: header } = (auth ?? {}) as { base64?: string };
  return { login: header && JSON.parse(Buffer.from(header, 'base64url').toString()), problem };
}

/** A folder with a credential helper, a shell script that has what it is asked for in `$asked`. */
function helper(script: string): NodeJS.ProcessEnv {
  const folder = temporaryFolder();
  const file = path.join(folder, 'docker-credential-test');
  writeFileSync(file, `#!/bin/sh\nread -r asked\necho "$1 $asked" >>${folder}/asked\n${script}\n`);
  chmodSync(file, 0o755);
  return { PATH: `${folder}:${process.env.PATH}`, ASKED: path.join(folder, 'asked') };
}

test('the registry of an image is the one that docker takes it for', () => {
  const hub = 'https://index.docker.io/v1/';
  const of = (image: string) => [sourceOf(image)?.registry, sourceOf(image)?.repository];
  assert.equal(of('python'), [hub, 'docker.io/library/python']);
  assert.equal(of('python:3.12-slim'), [hub, 'docker.io/library/python']);
  assert.equal(of('me/app:1'), [hub, 'docker.io/me/app']);
  assert.equal(of('docker.io/me/app'), [hub, 'docker.io/me/app']);
  assert.equal(of('index.docker.io/python'), [hub, 'docker.io/library/python']);
  assert.equal(of('localhost/app'), ['localhost', 'localhost/app']);
  assert.equal(of('127.0.0.1:5000/a/b:c'), ['127.0.0.1:5000', '127.0.0.1:5000/a/b']);
  assert.equal(of(`ghcr.io/me/app:1@sha256:${'a'.repeat(64)}`), ['ghcr.io', 'ghcr.io/me/app']);
  assert.is(sourceOf(`ghcr.io/me/app@sha256:${'a'.repeat(64)}`)?.pinned, true);
  assert.is(sourceOf('python')?.pinned, false);
  assert.is(sourceOf(`sha256:${'a'.repeat(64)}`), null);
});

test('a login in config.json goes to its registry alone', async () => {
  const config = {
    auths: {
      'https://index.docker.io/v1/': { auth: base64('hub:h:u') },
      'https://r.example/v2/': { auth: base64('me:secret\0') },
      't.example': { identitytoken: 'token' },
    },
    HttpHeaders: {},
  };
  const to = async (image: string) => (await loginBy(config, image)).login;
  assert.equal(await to('python'), {
    username: 'hub',
    password: 'h:u',
    serveraddress: 'https://index.docker.io/v1/',
  });
  assert.equal(await to('r.example/app'), {
    username: 'me',
    password: 'secret',
    serveraddress: 'r.example',
  });
  assert.equal(await to('t.example/app'), { identitytoken: 'token', serveraddress: 't.example' });
  assert.is(await to('r.example.evil/app'), undefined);
  assert.is(await to('r.example:5000/app'), undefined);
});

test("credential helpers are asked, the registry's own first", async () => {
  const env = helper('echo \'{"ServerURL":"x","Username":"me","Secret":"s"}\'');
  const config = {
    credsStore: 'other',
    credHelpers: { 'r.example': 'test' },
    auths: { 'r.example': { auth: base64('a:b') } },
  };
  const { login, problem } = await loginBy(config, 'r.example/app', env);
  assert.equal(login, { username: 'me', password: 's', serveraddress: 'r.example' });
  assert.is(problem, null);
  assert.is(readFileSync(env.ASKED as string, 'utf8'), 'get r.example\n');
  const token = helper('echo \'{"Username":"<token>","Secret":"s"}\'');
  const byToken = await loginBy({ credsStore: 'test' }, 'python', token);
  assert.equal(byToken.login, { identitytoken: 's', serveraddress: 'https://index.docker.io/v1/' });
});

test('a helper that knows of no login is no problem', async () => {
  const env = helper('echo "credentials not found in native keychain"; exit 1');
  assert.equal(await loginBy({ credsStore: 'test' }, 'python', env), { login: undefined, problem: null });
});

test('what is wrong with a login is said, and nothing of it', async () => {
  const cases: [unknown, NodeJS.ProcessEnv, RegExp][] = [
    [{ credsStore: 'test' }, helper('echo hunter2; echo hunter2 >&2; exit 3'), /test ended with exit code 3/],
    [{ credsStore: 'test' }, helper('echo hunter2'), /did not answer as a credential helper does/],
    [{ credsStore: 'missing' }, {}, /docker-credential-missing is not installed here/],
    [{ credsStore: '../x' }, {}, /is not the name of a credential helper/],
    ['{"auths": {"hunter2', {}, /config\.json is not JSON/],
    [{ auths: { hunter: { auth: 2 } } }, {}, /is not what docker writes: auths\.hunter\.auth/],
    [{ auths: { 'r.example': { auth: base64('hunter2') } } }, {}, /has no user and password/],
  ];
  for (const [config, env, expected] of cases) {
    const { login, problem } = await loginBy(config, 'r.example/app', env);
    assert.is(login, undefined);
    assert.match(problem ?? '', expected);
    assert.not.match(problem ?? '', 'hunter2');
  }
});

test.run();
