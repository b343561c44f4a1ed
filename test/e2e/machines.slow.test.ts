// Three runners, each in a network of its own, as on three machines.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { connectMachines, type Machine } from './machines.ts';
import { meet } from './meeting.ts';
import { type TestProject, until, withProject } from './project.ts';

const mayConnect = process.getuid?.() === 0;
if (!mayConnect) console.log('SKIP runners on machines of their own: making networks needs root');
const test = mayConnect ? uvuTest : uvuTest.skip;

const executable = fileURLToPath(new URL('../../dist/dstack-runner.js', import.meta.url));
const workflows = (root: string) => `
workflows:
  - {name: train, nodes: 3, artifacts: [out], commands: ['echo at $MASTER_ADDR', node meet.mjs]}
  - name: alone
    matrix: {seed: [1, 2, 3]}
    commands: ['touch ${root}/here-\${{ matrix.seed }}', 'while [ $(ls ${root}/here-* | wc -l) -lt 3 ]; do sleep 0.1; done']
`;

/** @returns the runner's process, and what it has said so far */
function startOn(
  { name, prefix }: Machine,
  project: TestProject,
): { child: ChildProcess; said: () => string } {
  const [program = '', ...args] = [
    ...prefix,
    process.execPath,
    executable,
    '--name',
    name,
    '--poll',
    '200ms',
  ];
  const child = spawn(program, args, {
    cwd: project.folder,
    env: project.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return { child, said: () => text };
}

test(
  'runners on three machines share out jobs, and meet by the addresses that they have without being told',
  withProject(workflows, async (project) => {
    const { machines, remove } = connectMachines(3);
    try {
      project.write({ 'meet.mjs': meet });
      const run = await project.submit(['train']);
      const runners = machines.map((machine) => startOn(machine, project));
      const said = () => runners.map((one) => one.said()).join('\n');
      const record = await project.record(run, 'train');
      assert.is(record.state, 'done', `${record.reason}\n${said()}`);
      const log = await project.log(run, 'train');
      for (const rank of [0, 1, 2]) assert.match(log, new RegExp(`^\\[${rank}\\] met 0,1,2$`, 'm'));
      const leader = machines.find(({ name }) => name === record.runner);
      assert.is(record.host, leader?.name);
      for (const rank of [0, 1, 2]) assert.match(log, `[${rank}] at ${leader?.address}\n`);

      // Jobs that wait for each other can only be on one machine each.
      const cells = await project.submit(['alone']);
      const hosts = await Promise.all(
        [1, 2, 3].map(async (seed) => (await project.record(cells, `alone-${seed}`)).host),
      );
      assert.equal(hosts.sort(), machines.map(({ name }) => name).sort());

      for (const { child } of runners) child.kill('SIGTERM');
      await until('the end of all', () => runners.every(({ child }) => child.exitCode !== null));
      assert.equal(
        runners.map(({ child }) => child.exitCode),
        [0, 0, 0],
        said(),
      );
    } finally {
      remove();
    }
  }),
);

uvuTest.run();
