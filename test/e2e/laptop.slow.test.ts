// The machine that a run was started from goes to sleep, or away for good: the run goes on, and nothing of it is lost.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serve } from '../ledger/git-daemon.ts';
import { type TestProject, until, withProject } from './project.ts';

const workflows = (root: string) => `
workflows:
  - name: long
    commands: [echo one, 'until [ -e ${root}/go ]; do sleep 0.1; done', echo two]
`;

/** A line to a port of this machine that can be cut, and mended. */
async function startLine(target: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => {
      isCut = false;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

function start(project: TestProject, env: NodeJS.ProcessEnv, ...args: string[]) {
  const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));
  const child = spawn(process.execPath, [executable, ...args], {
    cwd: project.folder,
    env: { ...project.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? (signal as NodeJS.Signals))),
  );
  return { child, exited, output: () => text };
}

const countOf = (text: string, line: string) => text.split('\n').filter((one) => one === line).length;

test(
  'a run goes on while its follower sleeps, or is gone; whoever follows later misses nothing',
  withProject(workflows, async (project) => {
    const host = await serve(project.shared);
    const line = await startLine(Number(new URL(host.url).port));
    const url = host.url.replace(/:\d+/, `:${line.port}`);
    const env = { DSTACK_REMOTE: url, DSTACK_STORE: `file:${project.store}` };
    const go = path.join(project.root, 'go');
    const runner = project.startRunner('one', [], { DSTACK_REMOTE: project.shared });
    const started: ReturnType<typeof start>[] = [];
    const begin = (...args: string[]) => {
      started.push(start(project, env, ...args));
      return started.at(-1) as ReturnType<typeof start>;
    };
    try {
      const sleeper = begin('run', 'long', '--name', 'first');
      await until('its first line', () => countOf(sleeper.output(), 'one') === 1);
      sleeper.child.kill('SIGSTOP');
      line.cut();
      writeFileSync(go, '');
      assert.is((await project.record('first', 'long')).state, 'done');
      sleeper.child.kill('SIGCONT');
      await until('word of the trouble', () => /can't be (used|reached)|trouble|away/.test(sleeper.output()));
      line.mend();
      assert.is(await sleeper.exited, 0, sleeper.output());
      assert.is(countOf(sleeper.output(), 'one'), 1, sleeper.output());
      assert.is(countOf(sleeper.output(), 'two'), 1, sleeper.output());

      rmSync(go);
      const killed = begin('run', 'long', '--name', 'second', '--no-cache');
      await until('its first line', () => countOf(killed.output(), 'one') === 1);
      killed.child.kill('SIGKILL');
      await killed.exited;
      const again = begin('logs', '-f', 'second');
      await until('the first line', () => countOf(again.output(), 'one') === 1);
      writeFileSync(go, '');
      assert.is(await again.exited, 0, again.output());
      assert.is(countOf(again.output(), 'two'), 1, again.output());
      assert.is((await project.record('second', 'long')).state, 'done');
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    } finally {
      for (const { child } of started) child.kill('SIGKILL');
      await line.close();
      await host.stop();
    }
  }),
);

test.run();
