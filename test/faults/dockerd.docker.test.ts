// Docker's own daemon killed under a job: a private one, so that nobody else's is disturbed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from '../e2e/project.ts';
import { dockerForTests } from '../executor/docker-support.ts';

const dockerd = ['/usr/bin/dockerd', '/usr/sbin/dockerd'].find((file) => existsSync(file));
const image = 'dstack-test/busybox';
const missing =
  process.getuid?.() !== 0
    ? 'needs root'
    : dockerd === undefined
      ? 'there is no dockerd on this machine'
      : null;
if (missing !== null) console.log(`SKIP a private dockerd: ${missing}`);
const withDockerd = missing === null && (await dockerForTests()) !== undefined ? test : test.skip;

/** A Docker daemon with everything of its own, without networks. */
interface PrivateDocker {
  readonly host: string;
  docker(...args: string[]): string;
  /** By SIGKILL its containerd and containers go on, by SIGTERM it takes them along. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

function privateDocker(): PrivateDocker {
  // Short, for the sockets in it.
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'dd-')));
  const host = `unix://${root}/s`;
  let daemon: ChildProcess | null = null;
  const own: PrivateDocker = {
    host,
    docker: (...args: string[]) =>
      execFileSync('docker', ['-H', host, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }).trim(),
    async end(signal) {
      const ended = new Promise((resolve) => daemon?.once('exit', resolve));
      daemon?.kill(signal);
      await ended;
    },
    async start() {
      rmSync(path.join(root, 'pid'), { force: true });
      const places = [
        `--data-root=${root}/d`,
        `--exec-root=${root}/e`,
        `--pidfile=${root}/pid`,
        `--host=${host}`,
      ];
      const alone = ['--bridge=none', '--iptables=false', '--ip-forward=false', '--live-restore=false'];
      // In a network of its own: one without a bridge takes away that of the machine's own daemon.
      const command = ['--net', dockerd as string, ...places, ...alone];
      // What it writes where it is ended in the middle of something goes with the rest.
      const env = { ...process.env, TMPDIR: root };
      daemon = spawn('unshare', command, { stdio: 'ignore', detached: true, env });
      await until('the private dockerd', () => own.docker('version'));
    },
    async remove() {
      const containerd = path.join(root, 'e/containerd/containerd.pid');
      const pid = existsSync(containerd) ? Number(readFileSync(containerd, 'utf8')) : 0;
      const ended = new Promise((resolve) => daemon?.once('exit', resolve));
      daemon?.kill('SIGTERM');
      await ended;
      if (pid > 1)
        await until('the end of its containerd', () => !existsSync(`/proc/${pid}`), 20_000).catch(() =>
          process.kill(pid, 'SIGKILL'),
        );
      // A killed daemon leaves its mounts.
      const mounts = readFileSync('/proc/mounts', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[1] ?? '')
        .filter((place) => place.startsWith(`${root}/`));
      for (const place of mounts.reverse()) execFileSync('umount', ['--lazy', place]);
      rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
  return own;
}

const workflows = (root: string) => `
workflows:
  - name: long
    image: ${image}
    artifacts: [out]
    # SIGTERM makes it leave in order: that is no result.
    commands:
      - trap 'exit 0' TERM
      - mkdir -p out && echo "attempt $DSTACK_ATTEMPT" >> out/attempts
      - cat out/attempts; while [ $DSTACK_ATTEMPT -lt 3 ]; do sleep 0.2; done
  - {name: short, image: ${image}, commands: [echo short]}
  - {name: plain, commands: ['echo plain >> ${root}/plain']}
`;

withDockerd(
  'Docker is killed under a job, then stopped: it is tried again, nothing is left, what needs no container goes on',
  withProject(workflows, async (project: TestProject) => {
    const own = privateDocker();
    try {
      await own.start();
      const saved = execFileSync('docker', ['save', image], { maxBuffer: 1 << 30 });
      execFileSync('docker', ['-H', own.host, 'load', '--quiet'], {
        input: saved,
        stdio: ['pipe', 'ignore', 'inherit'],
      });
      await own.end('SIGTERM');
      const env = { DOCKER_HOST: own.host, DSTACK_RUNNER_LEASE: '10s' };
      const run = await project.submit(['long']);
      // It was started before Docker was.
      const runner = project.startRunner('one', ['--poll', '200ms'], env);
      const said = async (what: string) =>
        until(what, async () => (await project.dstack(['logs', run])).stdout.includes(what)).catch(
          (error) => {
            throw new Error(`${error.message}: ${runner.output()}`);
          },
        );
      await until('what it says of Docker', () => /jobs without an image are taken/.test(runner.output()));
      await own.start();
      await said('attempt 1');
      await own.end('SIGKILL');
      // What needs no container is not disturbed.
      await project.submit(['plain']);
      await until('the plain job', () => linesOf(path.join(project.root, 'plain')).length === 1);
      // What needs one is not taken, to fail at once, by a runner that has none.
      const next = await project.submit(['short']);
      await until('what it says of Docker', () => /with an image are left to others/.test(runner.output()));
      await own.start();
      await said('attempt 2');
      await own.end('SIGTERM');
      await own.start();
      const record = await project.record(run, 'long');
      assert.is(record.state, 'done', `${record.reason} ${runner.output()}`);
      assert.is(record.attempt, 3);
      const log = await project.log(run, 'long');
      assert.match(log, /its container was ended by others: Docker was stopped/);
      assert.is((await project.record(next, 'short')).state, 'done', runner.output());
      await until(
        'the end of its container',
        () => own.docker('ps', '--all', '--quiet') === '',
        60_000,
      ).catch(() => {});
      assert.is(own.docker('ps', '--all', '--quiet'), '', runner.output());
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      for (const area of ['queue', 'claims', 'stops', 'runners'])
        assert.equal(await project.refs(area), [], area);
      assert.is(own.docker('ps', '--all', '--quiet'), '');
    } finally {
      await own.remove();
    }
  }),
);

test.run();
