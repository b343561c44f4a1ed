import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createProject, type TestProject, until } from '../../e2e/project.ts';
import { freePort } from '../../git/free-port.ts';
import { uptime } from './processes.ts';

/** The lease of every runner, in seconds. */
export const lease = 3;

/** Where it all takes place: a project, its shared repository and how it is reached. */
export interface Arena {
  readonly project: TestProject;
  /** Jobs append a line for each step, whatever becomes of their workspace. */
  readonly evidence: string;
  /** What commands and runners are told of the repository and the lease. */
  readonly env: NodeJS.ProcessEnv;
  /** Jobs that name an image can run. */
  readonly docker: boolean;
  /** Served by a process of its own, `git daemon`; otherwise by its path. */
  readonly served: boolean;
  /** Lets the next Git process that has come to `stage` of a change of refs in the shared repository kill itself. */
  arm(stage: 'prepared' | 'committed'): void;
  /** Makes the repository unreachable. @returns ends that */
  cutOff(how: 'rename' | 'server'): () => Promise<void>;
  readonly isCutOff: () => boolean;
  /** Seconds since boot: the last moment at which it was unreachable. */
  lastCutAt(): number;
  remove(): Promise<void>;
}

/** What a job does: notes each step outside of its workspace and says it in the log. */
const work = `
steps=$1 evidence=$2
note() {
  [ -n "$evidence" ] || return 0
  read -r up rest < /proc/uptime
  echo "$1 $JOB_ID $DSTACK_ATTEMPT $up $$ $DSTACK_EXECUTION_RUNNER" >> "$evidence"
}
note begin
n=0
while [ $n -lt $steps ]; do
  n=$((n + 1))
  echo "attempt $DSTACK_ATTEMPT line $n"
  note step
  sleep 0.1
done
mkdir -p out
echo "$JOB_ID attempt $DSTACK_ATTEMPT" > out/result
head -c 5000 /dev/urandom > out/noise
note end
echo "attempt $DSTACK_ATTEMPT is complete"
`;

/** How many lines a whole log of these workflows has, besides the last. */
export const stepsOf: Readonly<Record<string, number>> = {
  quick: 3,
  steady: 25,
  long: 60,
  fails: 3,
  first: 10,
  second: 10,
  boxed: 20,
  crate: 45,
};

function workflows(root: string): string {
  const evidence = evidenceIn(root);
  const plain = (name: string, more = '', after = '') =>
    `  - {name: ${name}, ${more}commands: ['sh work.sh ${stepsOf[name]} ${evidence}'${after}]}`;
  const boxed = (name: string) =>
    `  - {name: ${name}, image: dstack-test/busybox, artifacts: [out], commands: ['sh work.sh ${stepsOf[name]}']}`;
  return [
    'workflows:',
    plain('quick'),
    plain('steady', 'artifacts: [out], '),
    plain('long', 'artifacts: [out], '),
    plain('fails', '', ', exit 3'),
    plain('first', 'artifacts: [out], '),
    plain('second', 'depends-on: {workflows: [first]}, '),
    boxed('boxed'),
    boxed('crate'),
    '',
  ].join('\n');
}

const evidenceIn = (root: string) => path.join(root, 'evidence');

export async function openArena(options: { served: boolean }): Promise<Arena> {
  const docker = hasDocker();
  const project = await createProject(workflows);
  const { root, shared } = project;
  project.write({ 'work.sh': work });
  await project.git(['add', '.'], { cwd: project.folder });
  await project.git(['commit', '--quiet', '-m', 'what jobs do'], { cwd: project.folder });
  const armed = path.join(root, 'armed');
  mkdirSync(path.join(shared, 'hooks'), { recursive: true });
  const hook = `#!/bin/sh
read -r stage < '${armed}' 2>/dev/null || exit 0
[ "$1" = "$stage" ] && mv '${armed}' '${armed}.'$$ 2>/dev/null && kill -9 $PPID
exit 0
`;
  writeFileSync(path.join(shared, 'hooks', 'reference-transaction'), hook, { mode: 0o755 });

  let server: ChildProcess | null = null;
  const port = options.served ? await freePort() : 0;
  const url = `git://127.0.0.1:${port}/${path.basename(shared)}`;
  const serve = async () => {
    if (!options.served) return;
    const listen = ['--listen=127.0.0.1', `--port=${port}`, '--reuseaddr'];
    const what = ['--export-all', '--enable=receive-pack', `--base-path=${root}`, root];
    server = spawn('git', ['daemon', ...listen, ...what], {
      env: project.env,
      stdio: 'ignore',
      detached: true,
    });
    await until('the server', () => project.git(['ls-remote', url]).then(() => true), 20_000);
  };
  const endServer = () => {
    if (server?.pid === undefined) return;
    try {
      process.kill(-server.pid, 'SIGKILL');
    } catch {
      // It had ended.
    }
    server = null;
  };
  await serve();

  const away = `${shared}.away`;
  let cuts = 0;
  let lastCut = Number.NEGATIVE_INFINITY;
  const back = () => {
    cuts -= 1;
    lastCut = uptime();
  };
  return {
    project,
    evidence: evidenceIn(root),
    docker,
    served: options.served,
    env: {
      DSTACK_REMOTE: options.served ? url : shared,
      DSTACK_STORE: `file:${project.store}`,
      DSTACK_RUNNER_LEASE: `${lease}s`,
    },
    arm: (stage) => writeFileSync(armed, `${stage}\n`),
    cutOff(how) {
      cuts += 1;
      if (how === 'server' && options.served) {
        endServer();
        return async () => {
          await serve();
          back();
        };
      }
      if (existsSync(shared)) renameSync(shared, away);
      return async () => {
        if (existsSync(away)) renameSync(away, shared);
        back();
      };
    },
    isCutOff: () => cuts > 0,
    lastCutAt: () => (cuts > 0 ? uptime() : lastCut),
    async remove() {
      endServer();
      if (existsSync(away)) renameSync(away, shared);
      await project.remove();
    },
  };
}

/** Docker answers, and has the images that tests run in. */
function hasDocker(): boolean {
  try {
    execFileSync('docker', ['version'], { stdio: 'ignore', timeout: 20_000 });
    execFileSync(fileURLToPath(new URL('../../../fixtures/images/build.sh', import.meta.url)), {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
