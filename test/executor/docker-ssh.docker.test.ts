import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { sshArguments } from '../../src/executor/docker-ssh.ts';
import { hasSshd, type Sshd, startSshd } from '../transports/sshd.ts';
import { containersOf, dockerForTests } from './docker-support.ts';
import { exited, removeFolders, run, signalled, specOf, start, temporaryFolder, until } from './support.ts';

const test = suite<{ sshd: Sshd; folder: string }>('Docker over ssh');
const docker = await dockerForTests();
const image = 'dstack-test/busybox';
const before = { PATH: process.env.PATH, DOCKER_HOST: process.env.DOCKER_HOST };

if (!hasSshd && process.env.CI === 'true') throw new Error('CI has no sshd');
if (!hasSshd) console.log('SKIP Docker over ssh: there is no sshd');

test('ssh is told whom and where, and nothing that it could take for an option', () => {
  const of = (url: string) => sshArguments(new URL(url)).slice(5).join(' ');
  assert.is(of('ssh://h'), '-- h docker system dial-stdio');
  assert.is(of('ssh://me@h:2222'), '-l me -p 2222 -- h docker system dial-stdio');
  assert.is(of('ssh://h/run/d.sock'), '-- h docker --host unix:///run/d.sock system dial-stdio');
});

if (docker !== undefined && hasSshd) {
  test.before.each(async (context) => {
    context.folder = temporaryFolder();
    context.sshd = await startSshd(context.folder, {
      users: { docker: 'exec sh -c "$SSH_ORIGINAL_COMMAND"' },
    });
    process.env.PATH = context.sshd.env.PATH;
    process.env.DOCKER_HOST = 'ssh://docker-host';
  });
  test.after.each(async ({ sshd }) => {
    process.env.PATH = before.PATH;
    if (before.DOCKER_HOST === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before.DOCKER_HOST;
    await sshd.stop();
    removeFolders();
  });

  test('jobs run as they do at its socket', async () => {
    const executor = createDockerExecutor();
    const check = await executor.check();
    assert.match(check.detail, /^Docker .* at ssh:\/\/docker-host \(DOCKER_HOST\)$/);
    const limits = { cpu: null, memory: 64 * 2 ** 20, shmSize: null };
    const { result, text } = await run(executor, specOf(['cat', 'echo out', 'exit 3'], { image, limits }));
    assert.equal([result, text()], [exited(3), 'out\n']);
    const endless = await start(executor, specOf(['echo ready', 'sleep 3600'], { image }));
    await until(() => endless.text().includes('ready'), 'it runs');
    await endless.execution.stop(10_000);
    assert.equal(await endless.finished, signalled('SIGTERM'));
    assert.equal(await containersOf(docker, endless.spec.identity.nonce), []);
  });

  test('what ssh has to say is said: a host that is not the one that is known', async ({ folder, sshd }) => {
    const other = sshd.key().replace(/[^/]*$/, 'docker.pub');
    const [kind, key] = readFileSync(other, 'utf8').split(' ');
    writeFileSync(path.join(folder, 'known_hosts'), `[127.0.0.1]:${sshd.port} ${kind} ${key}\n`);
    const check = await createDockerExecutor().check();
    assert.is(check.ok, false);
    assert.match(check.detail, /ssh: Host key verification failed/, check.detail);
  });
}

test.run();
