import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findDocker } from '../../src/executor/docker-endpoint.ts';
import { removeFolders, temporaryFolder } from './support.ts';

test.after.each(removeFolders);

interface Context {
  Host?: string;
  SkipTLSVerify?: boolean;
}

/** A folder as `docker` keeps it. */
function configFolder(contexts: Record<string, Context>, current?: string): string {
  const folder = temporaryFolder();
  if (current) writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ currentContext: current }));
  for (const [name, docker] of Object.entries(contexts)) {
    const meta = path.join(folder, 'contexts/meta', idOf(name));
    mkdirSync(meta, { recursive: true });
    const content = { Name: name, Metadata: {}, Endpoints: { docker } };
    writeFileSync(path.join(meta, 'meta.json'), JSON.stringify(content));
  }
  return folder;
}
const idOf = (name: string) => createHash('sha256').update(name).digest('hex');

const found = (env: NodeJS.ProcessEnv) => {
  const { url, from } = findDocker(env);
  return [url.href, from];
};

test('DOCKER_HOST wins over DOCKER_CONTEXT, that over the context in use, as for docker', () => {
  const config = configFolder({ a: { Host: 'unix:///a.sock' }, b: { Host: 'ssh://me@b' } }, 'b');
  const env = { DOCKER_CONFIG: config };
  assert.equal(found({ ...env, DOCKER_HOST: 'tcp://h:1', DOCKER_CONTEXT: 'a' }), [
    'tcp://h:1',
    'DOCKER_HOST',
  ]);
  assert.equal(found({ ...env, DOCKER_HOST: '', DOCKER_CONTEXT: 'a' }), [
    'unix:///a.sock',
    'DOCKER_CONTEXT a',
  ]);
  assert.equal(found(env), ['ssh://me@b', 'context b']);
  assert.is(findDocker({ ...env, DOCKER_CONTEXT: 'default' }).url.protocol, 'unix:');
});

test('hosts may be written in all ways that docker takes', () => {
  const urls = ['unix:///x.sock', 'tcp://h', 'h:2375', 'ssh://u@h:22', 'http://h:1'];
  assert.equal(
    urls.map((DOCKER_HOST) => found({ DOCKER_HOST })[0]),
    ['unix:///x.sock', 'tcp://h', 'tcp://h:2375', 'ssh://u@h:22', 'http://h:1/'],
  );
  assert.is(found({ DOCKER_HOST: 'unix://' })[0], 'unix:///var/run/docker.sock');
});

test("what can't be understood, or is not there, is said", () => {
  const env = { DOCKER_CONFIG: configFolder({ odd: { Host: 'fd://' }, none: {} }, 'gone') };
  const message = (more: NodeJS.ProcessEnv) => {
    try {
      findDocker({ ...env, ...more });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(message({ DOCKER_HOST: 'tcp://:::' }), /DOCKER_HOST is "tcp/);
  assert.match(message({ DOCKER_HOST: 'ftp://h' }), /DOCKER_HOST is "ftp/);
  assert.match(message({ DOCKER_HOST: 'unix://relative/x' }), /DOCKER_HOST is/);
  assert.match(message({}), /there is no context of Docker for context gone/);
  assert.match(message({ DOCKER_CONTEXT: 'none' }), /DOCKER_CONTEXT none says nothing of a Docker/);
  assert.match(message({ DOCKER_CONTEXT: 'odd' }), /DOCKER_CONTEXT odd is "fd/);
});

test('TLS is by the environment or by what a context has', () => {
  const config = configFolder({
    tls: { Host: 'tcp://h:2376' },
    skip: { Host: 'tcp://h:1', SkipTLSVerify: true },
  });
  const tls = path.join(config, 'contexts/tls', idOf('tls'), 'docker');
  mkdirSync(tls, { recursive: true });
  for (const folder of [tls, config]) writeFileSync(path.join(folder, 'ca.pem'), `the ca of ${folder}`);
  const of = (env: NodeJS.ProcessEnv) => findDocker({ DOCKER_CONFIG: config, ...env }).tls;
  assert.is(of({ DOCKER_HOST: 'tcp://h:1' }), null);
  assert.is(of({ DOCKER_HOST: 'unix:///x:2376', DOCKER_TLS_VERIFY: '' }), null);
  const verified = of({ DOCKER_HOST: 'tcp://h:1', DOCKER_TLS_VERIFY: '1' });
  assert.equal([String(verified?.ca), verified?.verify], [`the ca of ${config}`, true]);
  assert.is(of({ DOCKER_HOST: 'tcp://h:2376' })?.verify, true);
  assert.is(of({ DOCKER_HOST: 'tcp://h:1', DOCKER_TLS: '1' })?.verify, false);
  const elsewhere = of({ DOCKER_HOST: 'tcp://h:1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: tls });
  assert.is(String(elsewhere?.ca), `the ca of ${tls}`);
  assert.is(String(of({ DOCKER_CONTEXT: 'tls' })?.ca), `the ca of ${tls}`);
  assert.equal(of({ DOCKER_CONTEXT: 'skip' }), { verify: false });
});

test("without any of that, and where the usual socket can't be used, it is what else is there", async () => {
  const runtime = temporaryFolder();
  const env = { XDG_RUNTIME_DIR: runtime, DOCKER_CONFIG: runtime };
  const usual = path.join(runtime, 'usual.sock');
  const servers: net.Server[] = [];
  const listen = async (file: string) => {
    mkdirSync(path.dirname(file), { recursive: true });
    const server = net.createServer().listen(file);
    servers.push(server);
    await once(server, 'listening');
  };
  const place = () => {
    const { url, from } = findDocker(env, usual);
    return [url.pathname, from];
  };
  try {
    await listen(path.join(runtime, 'podman/podman.sock'));
    assert.equal(place(), [path.join(runtime, 'podman/podman.sock'), 'Podman']);
    await listen(path.join(runtime, 'docker.sock'));
    assert.equal(place(), [path.join(runtime, 'docker.sock'), 'rootless Docker']);
    await listen(usual);
    assert.equal(place(), [usual, null]);
  } finally {
    for (const server of servers) server.close();
  }
  const nowhere = { XDG_RUNTIME_DIR: temporaryFolder(), DOCKER_CONFIG: runtime };
  const { url, from } = findDocker(nowhere, '/nowhere.sock');
  // Unless Docker Desktop or root's Podman is on this machine.
  if (from === null) assert.is(url.pathname, '/nowhere.sock');
});

test.run();
