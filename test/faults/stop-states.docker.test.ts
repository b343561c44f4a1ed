import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, until } from '../e2e/project.ts';

test('a stop while an image is being pulled, from a registry that never answers', async () => {
  const sockets = new Set<import('node:net').Socket>();
  const registry = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const { port } = registry.address() as { port: number };
  const project = await createProject(
    `workflows: [{name: pull, image: "127.0.0.1:${port}/never:1", commands: [echo never]}]\n`,
  );
  try {
    const run = await project.submit(['pull']);
    const runner = project.startRunner('one', ['--poll', '300ms']);
    await until('the pull', async () => {
      const { stdout } = await project.dstack(['status', '--json']);
      return JSON.parse(stdout).runs[0].jobs[0].state === 'pulling';
    });
    const stopped = await project.dstack(['stop', run, '--yes']);
    assert.is(stopped.exitCode, 0, stopped.stderr);
    const record = await project.record(run, 'pull');
    assert.equal([record.state, record.startedAt], ['stopped', null]);
    assert.match(String(record.reason), /^stopped by /);
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  } finally {
    for (const socket of sockets) socket.destroy();
    registry.close();
    await project.remove();
  }
});

test.run();
