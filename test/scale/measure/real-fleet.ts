import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createProject, until } from '../../e2e/project.ts';
import { serve } from '../../ledger/git-daemon.ts';
import { startSlowLink } from '../../transports/slow-link.ts';
import { timeOfChildren } from './processor-time.ts';

/** What real runners did, and asked of a real Git server. */
export interface RealFleet {
  readonly runners: number;
  readonly jobs: number;
  /** Milliseconds from the start of the runners to the end of all settling. */
  readonly drained: number;
  readonly lists: number;
  readonly pushes: number;
  /** Pushes that were refused. */
  readonly refused: number;
  readonly bytes: number;
  /** The processor's time of runners, jobs and server together, milliseconds. */
  readonly time: number;
}

/** Jobs that sleep, in one run without the cache, and runner processes that get them over git:// from this machine. */
export async function playReal(scenario: {
  runners: number;
  jobs: number;
  /** Milliseconds. */
  duration: number;
  latency: number;
}): Promise<RealFleet> {
  const { runners, jobs, duration, latency } = scenario;
  const cells = Array.from({ length: jobs }, (_, index) => index);
  const project = await createProject(
    `workflows:\n  - {name: sleep, matrix: {i: [${cells}]}, resources: {cpu: 0.01}, commands: ['sleep ${duration / 1000}']}\n`,
  );
  const daemon = await serve(project.shared);
  const link = await startSlowLink(daemon.port, latency / 2);
  const traces = path.join(project.root, 'traces');
  mkdirSync(traces);
  const before = timeOfChildren('self') + timeOfChildren(daemon.pid);
  try {
    await project.submit(['sleep', '--no-cache']);
    const begun = performance.now();
    link.traffic();
    const fleet = Array.from({ length: runners }, (_, number) => {
      const home = path.join(project.root, `home-${number}`);
      return project.startRunner(`runner-${number}`, ['--executor', 'process', '--concurrency', '1'], {
        DSTACK_REMOTE: daemon.url.replace(`:${daemon.port}/`, `:${link.port}/`),
        DSTACK_STORE: `file:${project.store}`,
        HOME: home,
        XDG_CACHE_HOME: path.join(home, 'cache'),
        XDG_STATE_HOME: path.join(home, 'state'),
        GIT_TRACE2_EVENT: traces,
      });
    });
    await until('the end of all', async () => (await project.refs('jobs')).length === jobs, 1_200_000);
    const left = async () => [...(await project.refs('queue')), ...(await project.refs('claims'))];
    await until('the end of settling', async () => (await left()).length === 0);
    const drained = performance.now() - begun;
    const { bytes } = link.traffic();
    for (const runner of fleet) runner.kill('SIGTERM');
    await Promise.all(fleet.map((runner) => runner.exited));
    const time = timeOfChildren('self') + timeOfChildren(daemon.pid) - before;
    return { runners, jobs, drained, bytes, time, ...countCalls(traces) };
  } finally {
    await link.close();
    await daemon.stop();
    await project.remove();
  }
}

/** What Git processes say of themselves: a file each. */
function countCalls(traces: string): { lists: number; pushes: number; refused: number } {
  const counts = { lists: 0, pushes: 0, refused: 0 };
  for (const name of readdirSync(traces)) {
    const text = readFileSync(path.join(traces, name), 'utf8');
    const command = /"event":"cmd_name"[^\n]*"name":"([\w-]+)"/.exec(text)?.[1];
    if (command === 'fetch' || command === 'ls-remote') counts.lists += 1;
    if (command !== 'push') continue;
    counts.pushes += 1;
    if (/"event":"exit"[^\n]*"code":[1-9]/.test(text)) counts.refused += 1;
  }
  return counts;
}
