// Over a real sshd that allows Git's commands only. Whatever the user's ssh knows of the host is left to it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from '../e2e/cli-support.ts';
import { createProject, type TestProject, until } from '../e2e/project.ts';
import { hasSshd, type Sshd, sshLines, startSshd } from './sshd.ts';
import { assertSettled, skipped, startFarRunner, succeeds, wholeRun, workflows } from './whole-run.ts';

interface Context {
  project: TestProject;
  sshd: Sshd;
  env: NodeJS.ProcessEnv;
  /** Where sockets are made: not below the project, for their paths must be short. */
  runtime: string;
}
const test = suite<Context>('ssh');
if (!hasSshd) skipped('ssh', 'there is no sshd (Debian: openssh-server)');
const withSshd = hasSshd ? test : test.skip;

test.before.each(async (context) => {
  if (!hasSshd) return;
  const project = await createProject(workflows);
  const sshd = await startSshd(path.join(project.root, 'sshd'));
  // What ssh and dstack put there can be seen, and is gone in the end.
  const runtime = mkdtempSync('/tmp/ds-');
  const env = { ...sshd.env, DSTACK_REMOTE: sshd.url(project.shared), XDG_RUNTIME_DIR: runtime };
  Object.assign(context, { project, sshd, env, runtime });
});
test.after.each(async ({ project, sshd, runtime }) => {
  await sshd?.stop();
  if (runtime) rmSync(runtime, { recursive: true });
  await project?.remove();
});

/** The socket of the one connection that is shared. */
function socketIn(runtime: string): string {
  const folder = path.join(runtime, String(readdirSync(runtime)[0]), '0');
  return path.join(folder, String(readdirSync(folder)[0]));
}

/** Asks the ssh behind a socket; what it says. */
function askMaster(socket: string, what: 'check' | 'exit'): string {
  return spawnSync('/usr/bin/ssh', ['-O', what, '-o', `ControlPath=${socket}`, 'x'], { encoding: 'utf8' })
    .stderr;
}

withSshd(
  'a whole run; the calls of each process share a connection',
  async ({ project, sshd, env, runtime }) => {
    await wholeRun(project, { user: env });
    await assertSettled(project);
    const { handshakes, commands } = sshd.counts();
    console.log(`${commands} commands over ${handshakes} connections`);
    assert.ok(handshakes < commands / 3, `${handshakes} connections for ${commands} commands`);
    assert.equal(readdirSync(runtime), []);
  },
);

withSshd(
  'a runner calls often, over one connection; once that is cut, over another',
  async ({ project, sshd, env, runtime }) => {
    const runner = startFarRunner(project, env);
    const commandsAfter = (count: number) => until('more calls', () => sshd.counts().commands > count);
    await commandsAfter(10);
    assert.is(sshd.counts().handshakes, 1);
    assert.match(askMaster(socketIn(runtime), 'exit'), 'Exit request sent');
    await commandsAfter(sshd.counts().commands + 10);
    // A call that began in that moment went alone.
    assert.ok([2, 3].includes(sshd.counts().handshakes), String(sshd.counts().handshakes));
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
    assert.equal(readdirSync(runtime), []);
  },
);

withSshd(
  'over a shared connection, too, a host that accepts it hears which version of its protocol Git speaks',
  async ({ project, runtime }) => {
    const heard = path.join(project.root, 'heard');
    const sshd = await startSshd(path.join(project.root, 'accepting'), {
      users: { user: `echo "$GIT_PROTOCOL" >> '${heard}'; exec git-shell -c "$SSH_ORIGINAL_COMMAND"` },
      settings: ['AcceptEnv GIT_PROTOCOL'],
    });
    try {
      const env = { ...sshd.env, DSTACK_REMOTE: sshd.url(project.shared), XDG_RUNTIME_DIR: runtime };
      const runner = startFarRunner(project, env);
      await until('more calls', () => sshd.counts().commands > 10);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      assert.is(sshd.counts().handshakes, 1);
      assert.match(readFileSync(heard, 'utf8'), 'version=2');
    } finally {
      await sshd.stop();
    }
  },
);

withSshd('what a killed process has left goes with the next one', async ({ project, sshd, env, runtime }) => {
  const runner = startFarRunner(project, env);
  await until('a connection', () => sshd.counts().commands > 2);
  runner.kill('SIGKILL');
  await runner.exited;
  const pid = Number(/pid=(\d+)/.exec(askMaster(socketIn(runtime), 'check'))?.[1]);
  try {
    await succeeds(project, ['status'], env);
    assert.equal(readdirSync(runtime), []);
  } finally {
    // It would leave by itself after a minute.
    process.kill(pid);
  }
});

withSshd(
  'a host that allows one session for each connection: the others make their own',
  async ({ project, env }) => {
    const strict = await startSshd(path.join(project.root, 'strict'), { settings: ['MaxSessions 1'] });
    try {
      const user = { ...env, ...strict.env, DSTACK_REMOTE: strict.url(project.shared) };
      await wholeRun(project, { user });
      await assertSettled(project);
    } finally {
      await strict.stop();
    }
  },
);

for (const [who, lines, variables] of [
  ['ssh is configured to share, or not to', ['ControlPath none'], {}],
  ['GIT_SSH_COMMAND is set', [], { GIT_SSH_COMMAND: 'ssh -o LogLevel=ERROR' }],
  [
    'core.sshCommand is set',
    [],
    { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.sshCommand', GIT_CONFIG_VALUE_0: 'ssh -4' },
  ],
] as const) {
  withSshd(`where ${who}, dstack adds nothing`, async ({ project, sshd, env, runtime }) => {
    sshd.configure([...sshLines(sshd), `IdentityFile ${sshd.key()}`, ...lines]);
    await succeeds(project, ['run', 'make', '--detach'], {
      ...env,
      ...variables,
      DSTACK_STORE: `file:${project.store}`,
    });
    const { handshakes, commands } = sshd.counts();
    assert.ok(commands > 1);
    assert.is(handshakes, commands);
    assert.equal(readdirSync(runtime), []);
  });
}

withSshd('a key in an agent, and a ProxyCommand', async ({ project, sshd, env }) => {
  const agent = path.join(project.root, 'agent');
  const child = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await until('the agent', () => existsSync(agent));
    execFileSync('ssh-add', ['-q', sshd.key()], {
      env: { ...process.env, SSH_AUTH_SOCK: agent },
      stdio: 'ignore',
    });
    const relay = path.join(project.root, 'relay.cjs');
    writeFileSync(
      relay,
      `const [, , host, port, mark] = process.argv;
require('fs').writeFileSync(mark, '');
const socket = require('net').connect(port, host);
process.stdin.pipe(socket).pipe(process.stdout);
`,
    );
    const mark = path.join(project.root, 'went-through');
    sshd.configure([
      ...sshLines(sshd),
      'IdentityFile none',
      `ProxyCommand '${process.execPath}' '${relay}' %h %p '${mark}'`,
    ]);
    await succeeds(project, ['status'], { ...env, SSH_AUTH_SOCK: agent });
    assert.ok(existsSync(mark));
    await fails(project, ['status'], { exitCode: 1, words: [/Permission denied/, /hint: /] }, { env });
  } finally {
    child.kill();
    await ended;
  }
});

withSshd('a host that is not the one that ssh knows is not talked to', async ({ project, sshd, env }) => {
  writeFileSync(
    path.join(path.dirname(sshd.key()), 'known_hosts'),
    `[127.0.0.1]:${sshd.port} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\n`,
  );
  await fails(
    project,
    ['run', 'make', '--detach'],
    { exitCode: 1, words: [/Host key verification failed/, /hint: .*key/] },
    {
      env: { ...env, DSTACK_STORE: `file:${project.store}` },
    },
  );
  assert.is(sshd.counts().handshakes, 0);
});

test.run();
