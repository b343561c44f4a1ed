import { execFileSync, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../git/free-port.ts';

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Serves a repository over git://, for pushes, too; until the process ends or it is told to stop. */
export async function serve(
  path: string,
): Promise<{ url: string; port: number; pid: number; stop(): Promise<void> }> {
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-daemon');
  const port = await freePort();
  const options = ['--reuseaddr', '--export-all', '--enable=receive-pack', '--listen=127.0.0.1'];
  const base = dirname(path);
  const daemon = spawn(program, [...options, `--port=${port}`, `--base-path=${base}`, base], {
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()));
  process.once('exit', () => daemon.kill());
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries === 500 || daemon.exitCode !== null) throw new Error('git-daemon does not answer');
    await sleep(20);
  }
  // A test that fails before it stops the daemon must not hang.
  daemon.unref();
  return {
    url: `git://127.0.0.1:${port}${path.slice(base.length)}`,
    port,
    pid: daemon.pid as number,
    stop() {
      daemon.ref();
      daemon.kill();
      return ended;
    },
  };
}
