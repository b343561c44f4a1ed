// Prints how often each thing that people and runners do has to wait for a Git host, by what goes through a proxy.
// A call: a Git process that talked to the host. Round trips: something was sent after something had come.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createProject, type TestProject, until } from '../e2e/project.ts';
import { startNginx, token } from '../transports/nginx.ts';
import { type SlowLink, startSlowLink } from '../transports/slow-link.ts';
import { sshLines, startSshd } from '../transports/sshd.ts';
import { startFarRunner, succeeds, workflows } from '../transports/whole-run.ts';

interface Transport {
  readonly name: string;
  readonly link: SlowLink;
  readonly env: NodeJS.ProcessEnv;
  /** Git processes that have talked to the host since this was last asked. */
  calls(): number;
}

/** What was counted since the last time, as a line of the table. */
function tell(transport: Transport, what: string): void {
  const { connections, roundTrips, bytes } = transport.link.traffic();
  const numbers = [transport.calls(), connections, roundTrips, `${(bytes / 1024).toFixed(0)} KB`];
  console.log(
    [transport.name.padEnd(16), what.padEnd(28), ...numbers.map((n) => String(n).padStart(11))].join(' '),
  );
}

async function measure(project: TestProject, transport: Transport): Promise<void> {
  const env = { ...transport.env, TMPDIR: project.root, DSTACK_STORE: `file:${project.store}` };
  const take = async (what: string, args: readonly string[]) => {
    const { stdout } = await succeeds(project, args, env);
    tell(transport, what);
    return stdout.trim();
  };
  transport.link.traffic();
  transport.calls();
  const run = await take('run --detach, one job', ['run', 'make', '--detach', '--no-cache']);
  await startFarRunner(project, env, ['--once']).exited;
  tell(transport, 'a runner, start to end of it');
  await take('status', ['status']);
  await take('logs', ['logs', run]);
  await take('sync', ['sync']);

  const runner = startFarRunner(project, { ...env, DSTACK_RUNNER_LEASE: '10m', DSTACK_RUNNER_POLL: '500ms' });
  await until('the runner', () => runner.output().includes('\n'));
  let begun = 0;
  await until('its first polls', () => {
    begun += transport.calls();
    return begun > 8;
  });
  transport.link.traffic();
  let polls = 0;
  await until('ten polls', () => {
    polls += transport.calls();
    return polls >= 10;
  });
  const { connections, roundTrips, bytes } = transport.link.traffic();
  const each = [1, connections / polls, roundTrips / polls].map((n) => n.toFixed(1).padStart(11));
  console.log(
    [
      transport.name.padEnd(16),
      'a poll of an idle runner'.padEnd(28),
      ...each,
      `${(bytes / polls / 1024).toFixed(1)} KB`.padStart(11),
    ].join(' '),
  );
  runner.kill('SIGTERM');
  await runner.exited;
}

/** Tells by how much a count that only grows has grown. */
function growth(count: () => number): () => number {
  let before = count();
  return () => {
    const now = count();
    const more = now - before;
    before = now;
    return more;
  };
}

async function main(project: TestProject): Promise<void> {
  const sshd = await startSshd(path.join(project.root, 'sshd'));
  const nginx = await startNginx(path.join(project.root, 'nginx'), project.root);
  const links = [await startSlowLink(sshd.port), await startSlowLink(nginx.port)] as const;
  try {
    const [ssh, https] = links;
    sshd.configure([
      ...sshLines({ ...sshd, port: ssh.port }),
      `HostKeyAlias [127.0.0.1]:${sshd.port}`,
      `IdentityFile ${sshd.key()}`,
    ]);
    const settings = path.join(project.root, 'gitconfig');
    const header = `Authorization: Bearer ${token}`;
    writeFileSync(settings, `[http]\n\tsslCAInfo = ${nginx.authority}\n\textraHeader = ${header}\n`);
    const overSsh = { ...sshd.env, DSTACK_REMOTE: sshd.url(project.shared) };
    const url = nginx.url('bearer', project.shared).replace(`:${nginx.port}/`, `:${https.port}/`);
    const asked = () => nginx.requests('/info/refs');
    const transports: Transport[] = [
      {
        name: 'ssh, each alone',
        link: ssh,
        env: { ...overSsh, GIT_SSH_COMMAND: 'ssh' },
        calls: growth(() => sshd.counts().commands),
      },
      { name: 'ssh, shared', link: ssh, env: overSsh, calls: growth(() => sshd.counts().commands) },
      {
        name: 'https',
        link: https,
        env: { GIT_CONFIG_GLOBAL: settings, DSTACK_REMOTE: url },
        calls: growth(asked),
      },
    ];
    const heads = ['calls', 'connections', 'round trips', 'bytes'].map((head) => head.padStart(11));
    console.log(['over'.padEnd(16), 'what'.padEnd(28), ...heads].join(' '));
    for (const transport of transports) await measure(project, transport);
  } finally {
    for (const link of links) await link.close();
    await sshd.stop();
    await nginx.stop();
  }
}

const project = await createProject(workflows);
try {
  await main(project);
} finally {
  await project.remove();
}
