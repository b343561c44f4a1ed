import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jobContainer } from '../../src/executor/container.ts';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { containersOf, dockerForTests } from './docker-support.ts';
import { startSocketProxy } from './socket-proxy.ts';
import { exited, removeFolders, run, specOf, start, temporaryFolder, until } from './support.ts';

const test = suite('containers');
const docker = await dockerForTests();
const image = 'dstack-test/busybox';
const nobody = 65534;
test.after.each(removeFolders);

/** All that is said at a port of this machine; nothing where nobody listens. */
async function answerFrom(port: number): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  return textOf(socket).catch(() => '');
}

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

  const nothing = { mounts: [], network: null, capabilities: [] };

  test('keeps the job from the machine: privileges, network, Docker, files', async () => {
    const commands = [
      'grep NoNewPrivs /proc/self/status',
      'grep CapBnd /proc/self/status',
      'grep Seccomp: /proc/self/status',
      'hostname',
      'readlink /proc/self/ns/net',
      'ls /var/run/docker.sock 2>/dev/null || echo no socket',
      // What of the machine is mounted: Docker's init, its files for the name service, and the workspace.
      `awk '$4 != "/" && $5 !~ "^/((proc|sys|dev).*)?$" { print $5 }' /proc/self/mountinfo | sort | tr '\\n' ' '; echo`,
      'echo 1 >/proc/sys/kernel/sysrq || echo read-only',
      'ls /proc | grep -c "^[0-9]"',
    ];
    const { text, result } = await run(executor, specOf(commands, { image }));
    assert.equal(result, exited(0));
    const lines = text()
      .split('\n')
      .filter((line) => !line.includes('/proc/sys'));
    const processes = Number(lines.splice(-2, 1)[0]);
    assert.ok(processes > 0 && processes < 10, `${processes} processes`);
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
    assert.equal(lines.slice(0, 3), ['NoNewPrivs:\t1', 'CapBnd:\t00000000000004fb', 'Seccomp:\t2']);
    assert.match(lines[3] as string, /^[0-9a-f]{12}$/);
    assert.is.not(lines[4], readlinkSync('/proc/self/ns/net'));
    assert.equal(lines.slice(5), [
      'no socket',
      '/etc/hostname /etc/hosts /etc/resolv.conf /sbin/docker-init /workflow ',
      'read-only',
      '',
    ]);
  });

  test('root in a container can still install: give files away, and be another user', async () => {
    const commands = [
      'touch a && chown 1234:1234 a && chmod 640 a && cat a',
      'su nobody -s /bin/sh -c "id -u"',
      'mkdir -m 700 /opt && chown 1234 /opt && touch /opt/b && echo ok',
    ];
    assert.is((await run(executor, specOf(commands, { image }))).text(), '65534\nok\n');
  });

  test('a job has the mounts, the network and the capabilities that it is let have', async () => {
    const folder = temporaryFolder();
    for (const name of ['data', 'scratch']) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, 'data/rows'), '3 rows\n');
    const mount = (name: string, readOnly: boolean) => ({
      source: path.join(folder, name),
      target: `/mnt/${name}`,
      readOnly,
    });
    const commands = [
      'cat /mnt/data/rows',
      'touch /mnt/data/x 2>/dev/null || echo read-only',
      'echo mine >/mnt/scratch/new',
      'readlink /proc/self/ns/net',
      'grep CapEff /proc/self/status',
    ];
    const { text, ports } = await run(
      executor,
      specOf(commands, {
        image,
        ports: [8080],
        access: {
          mounts: [mount('data', true), mount('scratch', false)],
          network: 'host',
          capabilities: ['SYS_PTRACE'],
        },
      }),
    );
    const network = readlinkSync('/proc/self/ns/net');
    assert.is(text(), `3 rows\nread-only\n${network}\nCapEff:\t00000000000804fb\n`);
    assert.equal(ports, [[8080, 8080]]);
    assert.is(readFileSync(path.join(folder, 'scratch/new'), 'utf8'), 'mine\n');
  });

  test('a job that wants no network has none', async () => {
    const access = { ...nothing, network: 'none' as const };
    const { text } = await run(executor, specOf(['ls /sys/class/net'], { image, access }));
    assert.is(text(), 'lo\n');
  });

  test("a folder of the job's own lies below the home of the image's user, and is the runner's again afterwards", async () => {
    for (const [name, home] of [
      ['dstack-test/busybox', '/root'],
      ['dstack-test/user', '/home/user'],
    ] as const) {
      const folder = temporaryFolder();
      writeFileSync(path.join(folder, 'kept'), 'kept\n', { mode: 0o600 });
      const commands = [
        'echo ~',
        'cat ~/.cache/tool/kept',
        'mkdir -m 700 ~/.cache/tool/new && echo x >~/.cache/tool/new/file',
        'touch ~/.cache/other',
      ];
      const spec = specOf(commands, { image: name, home: [{ folder, path: '.cache/tool' }] });
      const { text, result } = await run(executor, spec);
      assert.equal([text(), result], [`${home}\nkept\n`, exited(0)]);
      assert.is(statSync(path.join(folder, 'new/file')).uid, process.getuid?.());
      assert.equal(await containersOf(docker, spec.identity.nonce), []);
    }
  });

  test('has no GPU that it has not asked for, where NVIDIA’s runtime is the usual one and the image wants all', async () => {
    const spec = specOf(['env'], { image, env: { NVIDIA_VISIBLE_DEVICES: 'all' } });
    assert.match((await run(executor, spec)).text(), /^NVIDIA_VISIBLE_DEVICES=void$/m);
  });

  test('sees the workspace at /workflow, with the working directory below it', async () => {
    const spec = specOf(['pwd', 'ls ..'], { image, workingDir: 'a' });
    mkdirSync(path.join(spec.workspace, 'a'));
    assert.is((await run(executor, spec)).text(), '/workflow/a\na\n');
  });

  const mb = 2 ** 20;
  const limits = { cpu: null, memory: null, shmSize: null };

  test('holds a job to its memory, without swap beyond it, and tells that it ran out', async () => {
    const spec = specOf(['exec dd if=/dev/zero of=/dev/null bs=200M'], {
      image,
      limits: { ...limits, memory: 16 * mb },
    });
    const { result } = await run(executor, spec);
    assert.equal(result, { ...exited(137), outOfMemory: true });
    assert.equal(await containersOf(docker, spec.identity.nonce), []);
  });

  test('tells of memory that ran out in a program that the shell had started', async () => {
    const hungry = 'dd if=/dev/zero of=/dev/null bs=200M';
    const starving = (command: string) =>
      specOf([command], { image, limits: { ...limits, memory: 16 * mb } });
    const cases = [
      [`${hungry}; echo never`, 137],
      [`(${hungry}) || exit 7`, 7],
      [`${hungry} & wait $!`, 137],
    ] as const;
    // Several times, and together: what runs out at once is told of, however busy Docker is.
    for (let round = 0; round < 3; round += 1) {
      const check = async ([command, exitCode]: (typeof cases)[number]) => {
        const { result } = await run(executor, starving(command));
        assert.equal(result, { ...exited(exitCode), outOfMemory: true }, command);
      };
      await Promise.all([...cases, ...cases].map(check));
    }
    // Whoever copes with it has not failed.
    const coping = await run(executor, starving(`${hungry} || echo coped`));
    assert.equal([coping.result, coping.text().includes('coped')], [exited(0), true]);
  });

  test('gives a job no input, also where the job waits for Docker to watch its memory', async () => {
    for (const memory of [null, 64 * mb]) {
      const spec = specOf(['cat', 'readlink /proc/self/fd/0', 'echo end'], {
        image,
        limits: { ...limits, memory },
      });
      const { result, text } = await run(executor, spec);
      assert.equal([result, text()], [exited(0), '/dev/null\nend\n'], String(memory));
    }
  });

  test('tells another SIGKILL from that', async () => {
    const spec = specOf(['kill -9 $$'], { image, limits: { ...limits, memory: 64 * mb } });
    assert.equal((await run(executor, spec)).result, exited(137));
  });

  test('tells what was ended through Docker, by others, from what ended by itself, also where it left in order', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM']) {
      const commands = ["trap 'exit 0' TERM", 'echo ready', 'while true; do sleep 0.05; done'];
      const spec = specOf(commands, { image });
      const started = await start(executor, spec);
      await until(() => started.text().includes('ready'), 'it runs');
      const filters = { label: [`dstack.nonce=${spec.identity.nonce}`] };
      const [container] = await docker.listContainers({ filters });
      await docker.getContainer(container?.Id ?? '').kill({ signal });
      const { lost, failure } = await started.finished;
      assert.is(lost, true, signal);
      assert.match(failure ?? '', /ended by others/);
    }
  });

  test('gives a job the resources that it asks for, and keeps it from more processes than any job has', async () => {
    const spec = specOf(['df -k /dev/shm | tail -1', 'echo ready', 'until [ -e go ]; do sleep 0.05; done'], {
      image,
      limits: { cpu: 0.5, memory: 64 * mb, shmSize: 32 * mb },
    });
    const started = await start(executor, spec);
    await until(() => started.text().includes('ready'), 'it runs');
    const [container] = await docker.listContainers({
      filters: { label: [`dstack.nonce=${spec.identity.nonce}`] },
    });
    const { HostConfig: host } = await docker.getContainer(container?.Id ?? '').inspect();
    assert.equal(
      [host.NanoCpus, host.Memory, host.MemorySwap, host.PidsLimit],
      [5e8, 64 * mb, 64 * mb, 16_384],
    );
    assert.match(started.text(), / 32768 /);
    writeFileSync(path.join(spec.workspace, 'go'), '');
    assert.equal(await started.finished, exited(0));
  });

  test("a job's ports can be reached from this machine, at the ports that are told", async () => {
    const serve = 'while [ ! -e go ]; do echo hello from 8080 | nc -l -p 8080 -w 1; done';
    const spec = specOf([serve], { image, ports: [8080, 9000] });
    const started = await start(executor, spec);
    await until(() => started.ports.length === 2, 'its ports are told');
    assert.equal(started.ports.map(([port]) => port).sort(), [8080, 9000]);
    const at = started.ports.find(([port]) => port === 8080)?.[1] as number;
    assert.is.not(at, 8080);
    await until(async () => (await answerFrom(at)).includes('hello from 8080'), 'it answers');
    writeFileSync(path.join(spec.workspace, 'go'), '');
    await started.execution.stop(0);
  });

  test("a job's GPUs are asked for by their ids", () => {
    const launch = { entrypoint: [], folder: null, mark: '' };
    const place = { name: 'n', image: 'i', workingDir: '.', starter: 's', launch };
    const requests = (gpus: string[] | null) =>
      jobContainer(specOf(['true'], { gpus }), place).HostConfig?.DeviceRequests;
    assert.equal(requests(['GPU-a', 'GPU-b']), [{ DeviceIDs: ['GPU-a', 'GPU-b'], Capabilities: [['gpu']] }]);
    assert.is(requests(null), undefined);
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
      assert.is(result.lost, true, 'another attempt may do well');
      assert.equal(await containersOf(docker, spec.identity.nonce), []);
    } finally {
      await proxy.stop();
    }
  });
}

test.run();
