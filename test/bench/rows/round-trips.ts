import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createProject, type TestProject, until } from '../../e2e/project.ts';
import { missing, startNginx, token } from '../../transports/nginx.ts';
import { type SlowLink, startSlowLink } from '../../transports/slow-link.ts';
import { hasSshd, sshLines, startSshd } from '../../transports/sshd.ts';
import { startFarRunner, succeeds, workflows } from '../../transports/whole-run.ts';
import { absentRow, type Benchmark, type Row, rowOf } from '../benchmark.ts';

/**
 * How often each thing that people and runners do has to wait for a Git host, by what goes through a proxy.
 * A call: a Git process that talked to the host. Round trips: something was sent after something had come.
 */
export const roundTrips: Benchmark = {
  name: 'round-trips',
  about: 'how often one has to wait for a Git host',
  async run({ say }) {
    if (!hasSshd || missing !== null)
      return [
        absentRow('what waits for a Git host', null, null, 'there is no sshd or no nginx with fcgiwrap here'),
      ];
    const project = await createProject(workflows);
    try {
      return await overAll(project, say);
    } finally {
      await project.remove();
    }
  },
};

interface Transport {
  readonly name: string;
  readonly link: SlowLink;
  readonly env: NodeJS.ProcessEnv;
  /** Git processes that have talked to the host since this was last asked. */
  calls(): number;
}

/** What was counted, divided by how often it was done. */
function tell(transport: Transport, what: string, calls: number, times = 1): Row {
  const { connections, roundTrips, bytes } = transport.link.traffic();
  const [called, connected, kilobytes] = [calls, connections, bytes / 1024].map((n) =>
    Number((n / times).toFixed(1)),
  );
  return rowOf({
    what: `${what}, ${transport.name}`,
    unit: 'round trips',
    measured: [roundTrips / times],
    note: `${called} calls, ${connected} connections, ${kilobytes} KiB`,
  });
}

async function measure(project: TestProject, transport: Transport): Promise<Row[]> {
  const env = { ...transport.env, TMPDIR: project.root, DSTACK_STORE: `file:${project.store}` };
  const rows: Row[] = [];
  const told = (what: string) => rows.push(tell(transport, what, transport.calls()));
  const take = async (what: string, args: readonly string[]) => {
    const { stdout } = await succeeds(project, args, env);
    told(what);
    return stdout.trim();
  };
  transport.link.traffic();
  transport.calls();
  const run = await take('`dstack run --detach`, one job', ['run', 'make', '--detach', '--no-cache']);
  await startFarRunner(project, env, ['--once']).exited;
  told('a runner, start to end of it');
  await take('`dstack status`', ['status']);
  await take('`dstack logs`', ['logs', run]);
  await take('`dstack sync`', ['sync']);

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
  rows.push(tell(transport, 'a poll of an idle runner', polls, polls));
  runner.kill('SIGTERM');
  await runner.exited;
  return rows;
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

async function overAll(project: TestProject, say: (line: string) => void): Promise<Row[]> {
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
    const rows: Row[] = [];
    for (const transport of transports) {
      say(transport.name);
      rows.push(...(await measure(project, transport)));
    }
    return rows;
  } finally {
    for (const link of links) await link.close();
    await sshd.stop();
    await nginx.stop();
  }
}
