import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { containersOf, dockerForTests } from './docker-support.ts';
import { startSocketProxy } from './socket-proxy.ts';
import { exited, removeFolders, run, specOf, start, temporaryFolder, until } from './support.ts';

const test = suite('containers');
const docker = await dockerForTests();
const image = 'dstack-test/busybox';
const nobody = 65534;
test.after.each(removeFolders);

if (docker !== undefined) {
  const executor = createDockerExecutor();

  test('lets an image that is not root write in the workspace, and takes the files back', async () => {
    const commands = ['id -u', 'echo x >>data/old', 'mkdir -m 700 new', 'echo y >new/file', './run.sh'];
    const spec = specOf(commands, { image: 'dstack-test/nonroot' });
    mkdirSync(path.join(spec.workspace, 'data'), { mode: 0o700 });
    writeFileSync(path.join(spec.workspace, 'data/old'), '', { mode: 0o600 });
    writeFileSync(path.join(spec.workspace, 'run.sh'), '#!/bin/sh\necho ran\n', { mode: 0o700 });
    const { result, text } = await run(executor, spec);
    assert.is(text(), '1234\nran\n');
    assert.equal(result, exited(0));
    for (const name of ['.', 'data/old', 'new', 'new/file']) {
      assert.is(statSync(path.join(spec.workspace, name)).uid, process.getuid?.(), name);
    }
    assert.is(statSync(path.join(spec.workspace, 'data/old')).mode & 0o111, 0, 'it became executable');
  });

  test('takes the files back where the runner is not root', async () => {
    if (process.getuid?.() !== 0) return; // Then every other test shows it.
    // Below the usual temporary folder only root may pass.
    const folder = temporaryFolder('/tmp');
    const workspace = path.join(folder, 'workspace');
    mkdirSync(workspace);
    for (const owned of [folder, workspace]) chownSync(owned, nobody, nobody);
    const commands = [
      'id -u',
      'mkdir -p d/e',
      'echo x >d/e/f',
      'ln -s /etc/passwd d/link',
      'chmod 700 d d/e',
    ];
    const spec = specOf(commands, { image, workspace });
    const script = fileURLToPath(new URL('doomed-runner.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, 'docker', JSON.stringify(spec)], {
      uid: nobody,
      gid: statSync('/var/run/docker.sock').gid,
      env: { PATH: process.env.PATH, TMPDIR: folder, HOME: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output = await textOf(child.stdout);
    assert.match(output, /^0\n.*"exitCode":0.*"failure":null/s);
    assert.is(statSync(path.join(workspace, 'd/e/f')).uid, nobody);
    assert.is(statSync('/etc/passwd').uid, 0);
    assert.equal(await containersOf(docker, spec.identity.nonce), []);
  });

  test('keeps the job from the machine: privileges, network, Docker', async () => {
    const commands = [
      'grep NoNewPrivs /proc/self/status',
      'hostname',
      'ls /var/run/docker.sock || echo none',
    ];
    const { text } = await run(executor, specOf(commands, { image }));
    assert.match(text(), /NoNewPrivs:\s+1\n[0-9a-f]{12}\n(.*\n)?none\n$/);
  });

  test('sees the workspace at /workflow, with the working directory below it', async () => {
    const spec = specOf(['pwd', 'ls ..'], { image, workingDir: 'a' });
    mkdirSync(path.join(spec.workspace, 'a'));
    assert.is((await run(executor, spec)).text(), '/workflow/a\na\n');
  });

  test('tells when the memory ran out', async () => {
    const spec = specOf(
      ['echo ready', 'until [ -e go ]; do sleep 0.05; done', 'dd if=/dev/zero of=/dev/null bs=200M'],
      {
        image,
      },
    );
    const started = await start(executor, spec);
    await until(() => started.text().includes('ready'), 'it runs');
    const [container] = await docker.listContainers({
      filters: { label: [`dstack.nonce=${spec.identity.nonce}`] },
    });
    const memory = 16 * 1024 * 1024;
    await docker.getContainer(container?.Id ?? '').update({ Memory: memory, MemorySwap: memory });
    writeFileSync(path.join(spec.workspace, 'go'), '');
    const result = await started.finished;
    assert.match(result.failure ?? '', /out of memory/);
    assert.is(result.exitCode, 137);
    assert.equal(await containersOf(docker, spec.identity.nonce), []);
  });

  test('freezes a job that is about to start', async () => {
    const spec = specOf(['echo ready', 'sleep 3600'], { image });
    const started = await start(executor, spec);
    await started.execution.freeze();
    const containers = () => containersOf(docker, spec.identity.nonce);
    await until(async () => (await containers()).some((line) => line.endsWith('paused')), 'it is paused');
    await started.execution.thaw();
    await until(() => started.text().includes('ready'), 'it goes on');
    await started.execution.stop(0);
    assert.equal(await containers(), []);
  });

  test('a freeze that comes as the job ends does no harm', async () => {
    const started = await start(executor, specOf(['true'], { image }));
    await started.execution.freeze();
    await until(() => started.phases.includes('running'), 'it has started');
    await started.execution.freeze();
    await started.execution.thaw();
    assert.equal(await started.finished, exited(0));
  });

  test('settles when Docker goes away in the middle, and removes the container when it is back', async () => {
    const proxy = await startSocketProxy(path.join(temporaryFolder(), 'docker.sock'), '/var/run/docker.sock');
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = `unix://${proxy.file}`;
    const behindProxy = createDockerExecutor();
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
    const spec = specOf(['echo ready', 'sleep 3600'], { image });
    try {
      const started = await start(behindProxy, spec);
      await until(() => started.text().includes('ready'), 'it runs');
      await proxy.stop();
      assert.is((await behindProxy.check()).ok, false);
      await proxy.start();
      const result = await started.finished;
      assert.match(result.failure ?? '', /Docker/);
      assert.equal(await containersOf(docker, spec.identity.nonce), []);
    } finally {
      await proxy.stop();
    }
  });
}

test.run();
