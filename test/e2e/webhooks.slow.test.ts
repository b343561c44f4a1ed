import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { forges, secret } from '../host/deliveries.ts';
import { type TestProject, until, withProject } from './project.ts';

const workflows = `
workflows:
  - {name: quick, commands: [echo quick]}
`;

/** A repository that is reached over Git's own protocol, so that no hook of it can wake a runner. */
async function serve(project: TestProject): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort();
  const options = ['--reuseaddr', '--export-all', '--enable=receive-pack', `--base-path=${project.root}`];
  const args = ['daemon', '--listen=127.0.0.1', `--port=${port}`, ...options, project.root];
  const child = spawn('git', args, { env: project.env, stdio: 'ignore', detached: true });
  const url = `git://127.0.0.1:${port}/${path.basename(project.shared)}`;
  await until('the server', () => project.git(['ls-remote', url]).then(() => true));
  return { url, child };
}

async function send(port: number, push: { headers: object; body: Buffer }): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...push.headers },
    body: new Uint8Array(push.body),
  });
  return response.status;
}

test(
  'a runner that polls once in an hour claims at the sign of a webhook, and at no forged one',
  withProject(workflows, async (project) => {
    const { url, child } = await serve(project);
    try {
      const env = { DSTACK_REMOTE: url, DSTACK_STORE: `file:${project.store}` };
      const port = await freePort();
      const runner = project.startRunner('far', ['--poll', '1h', '--listen', String(port)], {
        ...env,
        DSTACK_WEBHOOK_SECRET: secret,
      });
      await until('the runner', () => runner.output().includes('"watching"'));
      for (const forge of Object.values(forges)) {
        const run = await project.submit(['quick', '--no-cache'], { env });
        assert.is(await send(port, forge('a secret that is none')), 401);
        assert.is(await send(port, forge()), 202);
        assert.is((await project.record(run, 'quick')).state, 'done');
      }
      assert.match(runner.output(), 'a request to the webhook was refused');
      assert.not.match(runner.output(), secret);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    } finally {
      process.kill(-(child.pid as number), 'SIGKILL');
    }
  }),
);

test(
  'what keeps a runner from listening is said at its start',
  withProject(workflows, async (project) => {
    const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      project.dstack(['runner', 'start', '--once', ...args], { env });
    const own = path.join(project.root, 'own');
    const others = path.join(project.root, 'others');
    writeFileSync(own, `${secret}\n`, { mode: 0o600 });
    writeFileSync(others, secret, { mode: 0o644 });
    const port = String(await freePort());

    const nowhere = await start(['--listen', 'somewhere'], { DSTACK_WEBHOOK_SECRET: secret });
    assert.is(nowhere.exitCode, 2);
    assert.match(nowhere.stderr, 'HOST:PORT');
    const bare = await start(['--listen', port]);
    assert.is(bare.exitCode, 1);
    assert.match(bare.stderr, 'DSTACK_WEBHOOK_SECRET');
    const short = await start(['--listen', port], { DSTACK_WEBHOOK_SECRET: 'guess it' });
    assert.match(short.stderr, 'fewer than 16 characters');
    assert.not.match(short.stderr, 'guess it');
    const open = await start(['--listen', port], { DSTACK_WEBHOOK_SECRET_FILE: others });
    assert.match(open.stderr, 'chmod 600');

    await project.submit(['quick']);
    const fine = await start(['--listen', `127.0.0.1:${port}`], { DSTACK_WEBHOOK_SECRET_FILE: own });
    assert.is(fine.exitCode, 0, fine.stderr);
    assert.match(fine.stderr, 'listening for webhooks');
  }),
);

test.run();
